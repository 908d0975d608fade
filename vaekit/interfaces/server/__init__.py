"""The explorer: a page on which a model's rows, codes and decoder are seen together, and the server
under it, which needs the extra ``serve``."""
