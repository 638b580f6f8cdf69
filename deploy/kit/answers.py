"""What AWS's refusals of a call mean for whoever makes it, as sentences: permissions, credentials, clocks, quotas.

Codes that say something of the thing itself, gone or busy, are aws.py's.
"""

DENIED = (
    *("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedAccess"),
    *("AuthorizationError", "NotAuthorized", "AuthorizationErrorException"),
)
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
UNKNOWN = (
    *("InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "InvalidAccessKeyId"),
    *("SignatureDoesNotMatch", "OptInRequired", "MissingAuthenticationToken", "InvalidToken"),
    *("MissingAuthenticationTokenException", "IncompleteSignature", "SubscriptionRequiredException"),
)
THROTTLED = (
    *("Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "SlowDown"),
    *("RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "PriorRequestNotComplete"),
)
SKEWED = ("RequestTimeTooSkewed", "InvalidSignatureException")


def told(code: str, said: str, asked: str, region: str) -> str | None:
    """A sentence that says what to do; None: an answer that is the caller's to understand. asked: service:Operation."""
    if code in DENIED:
        return f"AWS does not allow {asked} to whoever calls. Add it to their policy."
    if code in EXPIRED:
        return f"Your credentials have expired ({asked}). Log in again, and do this step again."
    if code in SKEWED:
        return f"AWS does not take the signature of {asked}: is this machine's clock right?"
    if code in UNKNOWN:
        return (
            f"AWS does not know your credentials in {region} ({asked}): they are wrong (AWS_PROFILE,"
            f" AWS_ACCESS_KEY_ID), or AWS_REGION {region} is not enabled in this account (its page AWS Regions)."
        )
    if code in THROTTLED or "rate exceeded" in said.lower():
        return f"AWS is asked too often ({asked}), perhaps by others, too. Wait a minute, and do this step again."
    if "LimitExceeded" in code or "QuotaExceeded" in code:
        return f"A quota of the account is used up ({asked}). Ask for more under Service Quotas in {region}."
    return None
