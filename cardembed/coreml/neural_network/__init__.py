"""`.mlmodel` files of the older kind: layers are translated to the operations of ML Programs."""
