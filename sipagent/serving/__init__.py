"""Serving: the functions of `tools/` to gateways elsewhere, as a SWAIG endpoint.

`endpoint` is the whole of it without any HTTP; `asgi` (a server), `aws` (Lambda) and
`common_gateway` (CGI) bring requests to it. What a Lambda imports stays small: no SIP, no models,
no web framework.
"""

from .aws import lambda_handler

__all__ = ["lambda_handler"]
