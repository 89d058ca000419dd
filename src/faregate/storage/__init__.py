"""Where things are kept: database, journals, files of the data folder."""
