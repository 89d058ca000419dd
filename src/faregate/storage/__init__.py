"""Where things are kept: the database, the journals, the files of the data folder."""
