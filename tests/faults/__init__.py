"""Promises 11, 12 and 15 on real processes: what they leave is counted while they are killed, stopped and cut off.

It is an application, too: processes that name it in TEST_APPS have its jobs and its mails.
"""
