"""Pictures' bytes to pixels, in processes of their own.

decoders    what the pipeline calls: a pool for each lane
pool        as many processes as are asked for; a lost one is replaced
process     the worker's end of one, which believes nothing
wire        what the two ends say to each other
child       the other end: a process that does nothing else
confinement what it takes from itself: memory, files, time
picture     bytes to pixels and thumbnail; the only file that knows Pillow

A picture that crashes its decoder, or exhausts it, costs itself alone: the
worker has an encoder loaded and other pictures in hand.
"""

__all__: list[str] = []
