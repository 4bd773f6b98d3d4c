"""The sources that an answer cites: its markers, and the rows that open the cited passage."""
