"""Pictures as people see them.

formats  those that are decoded
opening  the right way up, in plain colours
edits    copies as people edit them
gallery  search hits in a notebook
"""

__all__: list[str] = []
