"""The small pages that links in mails land on when no front end has them, and the page at `/`.

Looking at a page never uses a link up: mail scanners and previews open every link. A button does.
"""
