"""One reader for each format: from a file's bytes to a frame, and from a large file to pieces."""
