"""GNU Health as one Puskesmas' RME: its settings from the environment, its schema, its web server."""
