"""Jobs over HTTP: the app of `ingest api`, who may use it, and the page for people."""
