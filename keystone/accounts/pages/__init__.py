"""The pages that links in emails lead to when there is no front end, and the page at `/`.

Looking at a page never uses a link up: mail scanners and previews open every link. A button does.
"""
