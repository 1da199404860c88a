"""The endpoints: what a client does with tokens over HTTP."""
