"""Backups: complete, verifiable, restored beside the database in service.

`creating` makes one, `finding` lists them, `checking` looks before anything is touched, `filling` brings one into a new
database, and `swapping` puts that in the place of the old one in one transaction.
"""
