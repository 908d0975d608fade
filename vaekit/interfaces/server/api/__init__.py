"""The server as an API: what a trained model can be asked, over HTTP, by programs."""
