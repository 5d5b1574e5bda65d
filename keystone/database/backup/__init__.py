"""Backups of the database: whole, verifiable, and restored beside what is in service (`manage.py db backup`).

`creating` makes one, `finding` lists them, `checking` looks before anything is touched, `filling` brings one into a new
database, and `swapping` puts that in the place of the old one in one transaction.
"""
