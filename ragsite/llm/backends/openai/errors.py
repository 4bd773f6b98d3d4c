"""From what the openai client raises to our own errors. The provider's words are read here, and go no further."""

import re
from collections.abc import Iterable
from datetime import datetime

import httpx2
import openai

from ragsite.llm.backends.openai.refusals import Refusal, read_refusal, refusal_in
from ragsite.llm.backends.openai.waits import not_before
from ragsite.llm.errors import (
    AccessRefused,
    BadResponse,
    KeyRefused,
    NotConfigured,
    ProviderError,
    ProviderUnavailable,
    QuotaSpent,
    RateLimited,
    RequestRefused,
    TooLarge,
)

# All that a call may end in. Broken JSON is a ValueError, deeply nested JSON a RecursionError.
FAULTS = (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError, RecursionError)

QUOTA_CODES = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_balance",
    "insufficient_credits",
    "payment_required",
    "arrearage",
    "allocationquota.freetieronly",
    "exceeded_current_quota_error",
    "insufficient_user_quota",
}
KEY_CODES = {
    "invalid_api_key",
    "invalid_key",
    "api_key_invalid",
    "incorrect_api_key",
    "account_deactivated",
    "invalid_authentication",
    "authentication_error",
    "unauthenticated",
    "key_revoked",
}
MODEL_CODES = {
    "model_not_found",
    "unsupported_model",
    "deploymentnotfound",
    "model_not_available",
    "model_not_supported",
    "model_decommissioned",
    "model_terms_required",
    "team_model_access_denied",
    "key_model_access_denied",
    "operationnotsupported",
    "unknown_model",
}
LENGTH_CODES = {"context_length_exceeded", "string_above_max_length", "exceed_context_size_error"}
FILTER_CODES = {
    "content_filter",
    "content_policy_violation",
    "responsibleaipolicyviolation",
    "moderation_blocked",
    "data_inspection_failed",
    "datainspectionfailed",
}
PLACE_CODES = {"unsupported_country_region_territory", "ip_not_authorized"}
ACCESS_CODES = {"service_disabled", "organization_restricted", "account_suspended"}
SPEAKS_OF_MONEY = re.compile(
    r"insufficient (balance|credits?|funds|quota)|credit balance is too low|(out of|no|not enough|run out of) (remaining )?credits?\b"
    r"|requires more credits|(not|n't) have any credits|used all (available |of )?(your )?credits|purchase (more )?credits|spending (limit|cap)"
    r"|balance is (insufficient|not enough)|quota is not enough|budget has been exceeded|key limit exceeded|specified (api )?usage limits"
    r"|payment required|in arrears|account is overdue|past invoices|余额不足|额度不足|欠费",
    re.IGNORECASE,
)
SPEAKS_OF_KEY = re.compile(
    r"api.?key.{0,40}(not valid|invalid|incorrect|expired|revoked|disabled|not found|missing|unknown)"
    r"|(invalid|incorrect|expired|unknown|missing|wrong|no) (api.?key|token|credentials|authentication|authorization)",
    re.IGNORECASE,
)
SPEAKS_OF_RIGHTS = re.compile(r"key|token|auth|credential|permission|forbidden|denied", re.IGNORECASE)
SPEAKS_OF_PLACE = re.compile(
    r"(country|countries|region|territory|location)\b.{0,60}(not|un)\s?(supported|available|allowed|permitted|authorized)"
    r"|not (supported|available|allowed) (in|from|for) (your|this) (country|region|location)|\bip( address)? .{0,60}not (authorized|allowed)"
    r"|virtual network|firewall rules|check your network settings|public (network )?access is disabled",
    re.IGNORECASE,
)
SPEAKS_OF_ACCESS = re.compile(
    r"has not been used in project|(organi[sz]ation|account|workspace|project)\b.{0,40}\b(is|was|been) (temporarily )?(disabled|suspended|restricted|banned|blocked)",
    re.IGNORECASE,
)
SPEAKS_OF_NO_PAGE = re.compile(
    r"(unexpected|unknown|no such) (endpoint|route|url|path)|invalid url|page not found|cannot post /",
    re.IGNORECASE,
)
SPEAKS_OF_MODEL = re.compile(
    r"\bmodels?\b.{0,160}?(does not exist|doesn't exist|not exist|not (be )?found|(is|was) not (a )?(valid|known|supported|available|deployed|enabled)\b"
    r"|unknown|has been (deprecated|decommissioned|removed|retired))"
    r"|(unknown|invalid|unsupported|no such|unrecognized|nonexistent|non-existent) (chat )?model|not a valid model"
    r"|deployment\b.{0,80}does not exist|(not|n.t) have access to (the )?(model|project)|model_not_found|model identifier is invalid|(not allowed|unable) to access (the )?model"
    r"|no models? (is |are )?loaded|multiple models are loaded|provider not provided|模型不存在",
    re.IGNORECASE | re.DOTALL,
)
SPEAKS_OF_LENGTH = re.compile(
    r"context.?(length|window|size)|(prompt|input|messages?|text)s?\b.{0,60}(too (long|large|big)|exceed|longer than|over the limit)"
    r"|(too many|number of|total of|maximum|requested) .{0,30}tokens|tokens?.{0,60}(must be <=|exceed|> ?\d|greater than|over the limit)"
    r"|(maximum|max) (prompt|input|sequence|model) length|range of input length|exceed\w* .{0,30}\btokens?\b|上下文长度|超长|过长",
    re.IGNORECASE,
)
SPEAKS_OF_FILTER = re.compile(
    r"content.{0,20}(filter|polic|risk)|moderation|was flagged|safety.(system|polic|check)|inappropriate content|data inspection"
    r"|sensitive (words|content)|usage (guidelines|polic)|敏感",
    re.IGNORECASE,
)
SPEAKS_OF_NO = re.compile(
    r"not (be )?(supported|support|permitted|allowed|enabled|accepted|recognized|recognised|implemented|available)"
    r"|unsupported|un(known|expected|recognized|recognised)|invalid|extra (inputs|fields|input)|only\b|must|doesn't support|no longer|deprecated|remove|should be|not one of",
    re.IGNORECASE,
)
SPEAKS_OF_SYSTEM = re.compile(
    r"\bsystem\b.{0,60}\b(role|message|prompt|instruction)|\brole.{0,60}\bsystem\b|roles? must alternate|developer instruction"
    r"|only (support )?.{0,20}user.{0,20}(and|or).{0,20}assistant|messages\W+0\W+role",
    re.IGNORECASE | re.DOTALL,
)
SPEAKS_OF_EXTRAS = re.compile(
    r"(extra|unknown|unrecognized|unrecognised|unexpected|unsupported|additional)\b.{0,20}\b(inputs?|fields?|parameters?|arguments?|keys?|propert)",
    re.IGNORECASE,
)
SPEAKS_OF_SIZE = re.compile(
    r"too (large|long|many|big)|context (length|window|size|overflow)|batch.?size|\bmax(imum|imal)?\b|at most|max \d"
    r"|exceed|(larg|long|great|bigg)er than|(less|fewer|more) than|limit is|(<=?|>=?|up to) ?\d"
    r"|(reduce|shorten|lower|truncate|split)\b|truncation|out of range|must match the size"
    r"|\binput'? is invalid|\u8d85\u8fc7|\u8d85\u51fa|\u8d85\u957f|\u8fc7\u957f|\u6700\u5927",  # the last in Chinese
    re.IGNORECASE,
)
SPEAKS_OF_NO_EMBEDDINGS = re.compile(
    r"(not|n't) (support|generate|produce|provide|create|have) (text )?embeddings?\b|no embeddings? (support|model)"
    r"|not an embeddings? model|embeddings? (is|are) not (supported|enabled|available)"
    r"|(not support|unsupported).{0,20}embeddings? api|not allowed to (generate|create|make) embeddings?|\bis not (an )?embeddings?\b",
    re.IGNORECASE,
)
SPEAKS_OF_ONE_TEXT = re.compile(
    r"(should|must) be (a |of type )?(valid )?str(ing)?\b|str(ing)? type expected|expected (a )?str(ing)?\b"
    r"|cannot unmarshal array|(array|list)s? .{0,30}not (supported|allowed)|only (supports? )?(a )?single (input|text|string)",
    re.IGNORECASE,
)
# A server that is only busy speaks of limits too: there a word must say what is too much.
SPEAKS_OF_INPUT = re.compile(
    r"\b(tokens?|batch|inputs?|context|prompt|texts?|sequence|tensor|documents?|requests? in one)\b",
    re.IGNORECASE,
)
SPEAKS_OF_NO_STREAM = re.compile(
    r"\bstream(ing)?\b.{0,60}((not|n't) (be )?(support|allow|permit|implement|enabled|available)|unsupported|must be false)"
    r"|((not|n't) (support|allow|permit|implement)|unsupported|verified to)\W?.{0,60}\bstream(ing)?\b",
    re.IGNORECASE,
)
# Not before something else is sent: "reduce the length and try again".
ADVISES_A_CHANGE = re.compile(
    r"\b(choose|check|change|reduce|shorten|correct|use|select|specify|remove|modify)\b.{0,80}\b(re)?try( again)?\W*$",
    re.IGNORECASE,
)
SPEAKS_OF_BUSY = re.compile(
    r"overload|\bbusy\b|temporar|at capacity|capacity exceeded|(try|retry) again (later|soon|in\b)|please (re)?try( again)?\W*$"
    r"|try again\W*$|model is (currently |still )?loading|still loading",
    re.IGNORECASE,
)
# Whatever else it says, this is about time and not about the text ("context deadline exceeded").
SPEAKS_OF_TIME = re.compile(
    r"deadline|timed? ?out|rate.?limit|\bper (second|minute|hour|day)\b", re.IGNORECASE
)


def translate(error: Exception, *, has_begun: bool = False) -> ProviderError:
    """What the fault means for us. An exception that only passed through the client is raised again as it was."""
    if isinstance(error, ProviderError):
        return error
    _raise_foreign(error)
    if isinstance(error, (openai.APITimeoutError, httpx2.TimeoutException, TimeoutError)):
        return ProviderUnavailable(kind="timeout")
    if isinstance(error, (openai.APIConnectionError, httpx2.HTTPError)):
        return ProviderUnavailable(kind="interrupted" if has_begun else "unreachable")
    if isinstance(error, openai.APIResponseValidationError) or not isinstance(error, openai.APIError):
        return BadResponse(type(error).__name__)
    return _by_answer(error, has_begun=has_begun)


def translate_embedding(error: Exception) -> ProviderError:
    """The same for a batch of texts, where a refusal that speaks of size is TooLarge."""
    if isinstance(error, openai.APIStatusError) and SPEAKS_OF_NO_EMBEDDINGS.search(_said(error)):
        return NotConfigured(_detail(error), kind="no_embeddings")
    if isinstance(error, openai.APIStatusError) and _is_about_size(error):
        too_large = TooLarge(_detail(error))
        too_large.too_many = "token" not in _said(error).lower()
        too_large.may_pass = _is_unsure(error)
        return too_large
    return translate(error)


class ErrorInAnswer(openai.APIStatusError):
    """A refusal where an answer was expected: with status 200, or in the middle of a stream."""

    def __init__(self, said: object) -> None:
        self.named_status = read_refusal(said).status
        status = self.named_status or 500
        request = httpx2.Request("POST", "http://localhost")
        response = httpx2.Response(status, json=said, request=request)
        super().__init__(f"Error code: {status}", response=response, body=said)


def raise_if_refused(answer: object) -> None:
    """Some gateways send a refusal with status 200: raised as if it had come with the status that it names."""
    if (said := refusal_in(answer)) is not None:
        raise ErrorInAnswer(said)


def wants_one_text(error: openai.APIStatusError) -> bool:
    """Whether the server takes a text alone, and no list of them."""
    is_request = error.status_code in (400, 422, 500)
    return is_request and bool(SPEAKS_OF_ONE_TEXT.search(_said(error)))


def wants_purpose(error: openai.APIStatusError) -> bool:
    """Whether the server must be told if texts are questions or passages (input_type)."""
    said = f"{' '.join(_refusal(error).places)} {_said(error)}"
    is_request = error.status_code in (400, 422) and re.search(r"input.?type\b", said, re.IGNORECASE)
    return bool(
        is_request and re.search(r"required|missing|must|specif|provide|asymmetric", said, re.IGNORECASE)
    )


def refused_parameter(error: openai.APIStatusError, sent: Iterable[str]) -> str | None:
    """The one of the optional parameters that the server does not take, if that is what it says.

    SYSTEM_ROLE is one of them: a model that knows no system role wants the instructions elsewhere.
    """
    refusal, status = _refusal(error), _status(error)
    if status not in (400, 405, 415, 422, 500, 501, None) or _codes(error) & LENGTH_CODES:
        return None
    said, sent = f"{' '.join(refusal.places)} {refusal.words[:1500]}", list(sent)
    if status not in (400, 422) and not SPEAKS_OF_NO.search(said):
        return None
    if SYSTEM_ROLE in sent and SPEAKS_OF_SYSTEM.search(said) and SPEAKS_OF_NO.search(said):
        return SYSTEM_ROLE
    named = next((name for name in sent if _names(said, name)), None)
    if named is None and "stream" in sent and SPEAKS_OF_NO_STREAM.search(said):
        return "stream"
    if named is None and SPEAKS_OF_EXTRAS.search(said):  # without a name: one after the other
        return next((name for name in EXTRAS if name in sent), None)
    return named


SYSTEM_ROLE = "the system role"
EXTRAS = (
    "stream_options",
    "temperature",
    "max_completion_tokens",
    "max_tokens",
    "encoding_format",
    "dimensions",
)
OTHER_NAMES = {"stream_options": "include_usage|streamoptions", "max_tokens": "maxtokens|max_new_tokens"}


def _names(said: str, parameter: str) -> bool:
    if parameter in ("stream", SYSTEM_ROLE):
        return False
    other = OTHER_NAMES.get(parameter)
    return bool(re.search(rf"\b({parameter}{f'|{other}' if other else ''})\b", said, re.IGNORECASE))


def _raise_foreign(error: Exception) -> None:
    # The client wraps whatever is raised while it waits, a job's time-out too, into a connection error.
    cause = error.__cause__
    ours = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, ValueError)
    if isinstance(error, openai.APIConnectionError) and cause is not None and not isinstance(cause, ours):
        raise cause


def _by_answer(error: openai.APIError, *, has_begun: bool) -> ProviderError:
    codes, status, detail = _codes(error), _status(error), _detail(error)
    said = _said(error)
    if codes & QUOTA_CODES or status == 402 or (status != 404 and SPEAKS_OF_MONEY.search(said)):
        return QuotaSpent(detail)
    if refusal := _refusal_by_words(error, codes, status, said):
        return refusal
    is_about_key = not said.strip() or SPEAKS_OF_RIGHTS.search(said)
    if status == 401 or codes & KEY_CODES or (status == 403 and _is_json(error) and is_about_key):
        return KeyRefused(detail)
    if status == 403 and _is_json(error):
        return AccessRefused(detail)
    if status == 429 or (codes & {"rate_limit_exceeded", "rate_limit_error"} and status != 413):
        return RateLimited(detail, not_before=_not_before(error))
    if status in (301, 302, 303, 307, 308, 404, 405, 410) or SPEAKS_OF_NO_PAGE.search(said):
        return ProviderUnavailable(detail, kind="no_such_page", not_before=_not_before(error))
    # 403 without JSON is a gate on the way, not the provider's word about the key.
    if status is None or status in (403, 408, 409, 425, 498, 499) or _is_unsure(error):
        broke_off = status is None and has_begun
        return ProviderUnavailable(
            detail, not_before=_not_before(error), kind="interrupted" if broke_off else ""
        )
    return RequestRefused(detail)


def _refusal_by_words(
    error: openai.APIError, codes: set[str], status: int | None, said: str
) -> ProviderError | None:
    """What the provider refuses, where its words or codes name it."""
    detail = _detail(error)
    is_request = status in (400, 403, 404, 422, None) and not _is_page(error)
    if codes & PLACE_CODES or status == 451 or (is_request and SPEAKS_OF_PLACE.search(said)):
        return AccessRefused(detail, kind="region")
    if codes & FILTER_CODES or (is_request and SPEAKS_OF_FILTER.search(said)):
        return RequestRefused(detail, kind="content_filter")
    if codes & ACCESS_CODES or (is_request and status != 404 and SPEAKS_OF_ACCESS.search(said)):
        return AccessRefused(detail)
    is_busy = _is_about_time(said)
    is_about_length = not is_busy and (
        (is_request and SPEAKS_OF_LENGTH.search(said))
        or re.search("context (length|size|window)", said, re.IGNORECASE)
    )
    if codes & LENGTH_CODES or status == 413 or is_about_length or _is_too_much_at_once(status, said):
        return RequestRefused(detail, kind="context_length")
    if is_request and status != 404 and SPEAKS_OF_KEY.search(said):
        return KeyRefused(detail)
    is_about_model = codes & MODEL_CODES or (is_request and not is_busy and SPEAKS_OF_MODEL.search(said))
    is_page = status == 404 and SPEAKS_OF_NO_PAGE.search(said)
    if is_about_model or (status == 404 and not is_page and _is_its_own_word(error)):
        return RequestRefused(detail, kind="no_such_model")
    return None


def _is_too_much_at_once(status: int | None, said: str) -> bool:
    """A single request over what the account may send in a minute will not pass later either."""
    return status == 429 and bool(re.search(r"(request|prompt|input) (is )?too large", said, re.IGNORECASE))


def _is_about_size(error: openai.APIStatusError) -> bool:
    if error.status_code == 413 or _codes(error) & LENGTH_CODES:
        return True
    said = _said(error)
    if _codes(error) & (QUOTA_CODES | KEY_CODES | MODEL_CODES) or SPEAKS_OF_MONEY.search(said):
        return False
    if error.status_code == 429:  # more tokens at once than the account may send in a minute
        return "too large" in said.lower()
    if error.status_code not in (400, 422, 500) or _is_page(error) or SPEAKS_OF_TIME.search(said):
        return False
    is_plain = not _is_unsure(error) or SPEAKS_OF_INPUT.search(said)
    return bool(is_plain and SPEAKS_OF_SIZE.search(said))


def _is_page(error: openai.APIError) -> bool:
    """A gateway's own page, whose words are about itself."""
    media_type = (
        error.response.headers.get("content-type", "") if isinstance(error, openai.APIStatusError) else ""
    )
    return "html" in media_type or "<html" in _said(error).lower()


def _is_unsure(error: openai.APIError) -> bool:
    """Whether the same request may pass later: the server is broken or busy, or it was not the API that answered."""
    if (_status(error) or 0) >= 500:
        return True
    return _is_about_time(_said(error)) or (isinstance(error, openai.APIStatusError) and not _is_json(error))


def _is_about_time(said: str) -> bool:
    is_busy = SPEAKS_OF_BUSY.search(said) and not ADVISES_A_CHANGE.search(said)
    return bool(is_busy or SPEAKS_OF_TIME.search(said))


def _status(error: openai.APIError) -> int | None:
    if isinstance(error, ErrorInAnswer):  # has a status of its own only where it names one
        return error.named_status
    return error.status_code if isinstance(error, openai.APIStatusError) else None


def _refusal(error: openai.APIError) -> Refusal:
    """The whole answer: the client itself looks at its `error` alone, and only where that is an object."""
    return read_refusal(_answer(error) or error.body)


def _answer(error: openai.APIError) -> object:
    if isinstance(error, ErrorInAnswer):
        return error.body
    try:
        return error.response.json() if isinstance(error, openai.APIStatusError) else None
    except (ValueError, RecursionError):
        return None


def _codes(error: openai.APIError) -> set[str]:
    return _refusal(error).codes


def _is_json(error: openai.APIError) -> bool:
    return isinstance(_answer(error), dict | list | str)


def _is_its_own_word(error: openai.APIError) -> bool:
    """Whether the API speaks, and not a gateway before it: `{"error": …}`, or a sentence about the model."""
    answer = _answer(error)
    items = answer if isinstance(answer, list) else [answer]
    is_error = any(
        isinstance(item, dict) and ("error" in item or item.get("object") == "error") for item in items
    )
    return is_error or (not _is_page(error) and "model" in _said(error).lower())


def _said(error: openai.APIError) -> str:
    """The beginning of its sentences and its codes. To be read here, never to be kept."""
    refusal = _refusal(error)
    return f"{refusal.words[:600]} {' '.join(sorted(refusal.codes))}"


def _detail(error: openai.APIError) -> str:
    """Status and code, as far as they look like ones."""
    status = f"HTTP {error.status_code}" if isinstance(error, openai.APIStatusError) else "in the stream"
    if isinstance(error, ErrorInAnswer) and not error.named_status:
        status = "in the answer"
    plain = [code for code in (error.code, error.type, *sorted(_codes(error))) if _is_plain(code)]
    return f"{status} {plain[0]}" if plain else status


def _is_plain(code: object) -> bool:
    is_word = isinstance(code, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,39}", code, re.IGNORECASE)
    return bool(is_word) and not str(code).startswith("sk_")


def _not_before(error: openai.APIError) -> datetime | None:
    if not isinstance(error, openai.APIStatusError):
        return None
    refusal = _refusal(error)
    return not_before(error.response.headers, said=refusal.words, wait=refusal.wait)
