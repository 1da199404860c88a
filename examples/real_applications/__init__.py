"""What applications override REST framework's class for, declared instead.

`originals` models the behaviour of each one's own class, which asks the database for each request;
`declared` is what it could be. `tests/integration/test_real_applications.py` holds the two to the
same answers, and the second to no query for a token seen before. Where they differ is in the text
of a refusal, which that file lists, and in `request.auth`, which here always is the token.
"""
