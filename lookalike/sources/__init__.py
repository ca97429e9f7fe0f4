"""Where pictures may lie besides the web: folders and buckets.

file_roots     the folders that may be read
buckets        the buckets that may be read
object_stores  the stores of objects, by way of fsspec; the only file that knows it
finding        the images in folders and patterns, one after the other
"""

__all__: list[str] = []
