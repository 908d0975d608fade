"""The lossless codec: exact networks, symbols as intervals, a stack of bits, and files of blocks."""
