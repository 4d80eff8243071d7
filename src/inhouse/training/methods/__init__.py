"""One file per training method, each a declaration METHOD; `inhouse.training.method` finds them."""
