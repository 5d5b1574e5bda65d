"""Backups that can be verified and are restored next to the database in service.

`creating` creates one, `finding` lists them, `checking` checks one before anything is changed, `filling` loads one into
a new database, and `swapping` replaces the old database by the new one in one transaction.
"""
