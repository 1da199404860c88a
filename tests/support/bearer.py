"""A site's own default class, which names no model."""

import irontoken


class BearerAuthentication(irontoken.TokenAuthentication):
    keyword = "Bearer"
