"""Where pictures may lie besides the web: folders and buckets.

file_roots     the folders that may be read
buckets        the buckets that may be read
object_stores  the stores of objects, by way of fsspec; the only file that knows it
first_bytes    the first bytes of an object, in each library's way
shared_call    a call that may hang, which many wait for
store_errors   the errors of the stores' libraries, as those of the tree
finding        the images in folders and patterns, one after the other
"""

__all__: list[str] = []
