"""Numbered SQL files of the catalogue and of a tenant's schema, and what applies them.

A file is never edited once released: a change is a new file with the next number. Its names are
unqualified; it runs with the search path set to the one schema it is for.
"""
