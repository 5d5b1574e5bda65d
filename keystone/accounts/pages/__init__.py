"""The pages that links in emails lead to if there is no front end, and the page at `/`.

Opening a page never uses up a link, because mail scanners and previews open every link. Pressing a button does.
"""
