"""Error codes and wordings of OpenAI-compatible servers, collected from their documentation and source code."""

import re

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
REGION_CODES = {"unsupported_country_region_territory", "ip_not_authorized"}
ACCESS_CODES = {"service_disabled", "organization_restricted", "account_suspended"}
BILLING = re.compile(
    r"insufficient (balance|credits?|funds|quota)|credit balance is too low|(out of|no|not enough|run out of) (remaining )?credits?\b"
    r"|requires more credits|(not|n't) have any credits|used all (available |of )?(your )?credits|purchase (more )?credits|spending (limit|cap)"
    r"|balance is (insufficient|not enough)|quota is not enough|budget has been exceeded|key limit exceeded|specified (api )?usage limits"
    r"|payment required|in arrears|account is overdue|past invoices|余额不足|额度不足|欠费",
    re.IGNORECASE,
)
INVALID_KEY = re.compile(
    r"api.?key.{0,40}(not valid|invalid|incorrect|expired|revoked|disabled|not found|missing|unknown)"
    r"|(invalid|incorrect|expired|unknown|missing|wrong|no) (api.?key|token|credentials|authentication|authorization)",
    re.IGNORECASE,
)
PERMISSIONS = re.compile(r"key|token|auth|credential|permission|forbidden|denied", re.IGNORECASE)
REGION = re.compile(
    r"(country|countries|region|territory|location)\b.{0,60}(not|un)\s?(supported|available|allowed|permitted|authorized)"
    r"|not (supported|available|allowed) (in|from|for) (your|this) (country|region|location)|\bip( address)? .{0,60}not (authorized|allowed)"
    r"|virtual network|firewall rules|check your network settings|public (network )?access is disabled",
    re.IGNORECASE,
)
SUSPENDED = re.compile(
    r"has not been used in project|(organi[sz]ation|account|workspace|project)\b.{0,40}\b(is|was|been) (temporarily )?(disabled|suspended|restricted|banned|blocked)",
    re.IGNORECASE,
)
UNKNOWN_PATH = re.compile(
    r"(unexpected|unknown|no such) (endpoint|route|url|path)|invalid url|page not found|cannot post /",
    re.IGNORECASE,
)
UNKNOWN_MODEL = re.compile(
    r"\bmodels?\b.{0,160}?(does not exist|doesn't exist|not exist|not (be )?found|(is|was) not (a )?(valid|known|supported|available|deployed|enabled)\b"
    r"|unknown|has been (deprecated|decommissioned|removed|retired))"
    r"|(unknown|invalid|unsupported|no such|unrecognized|nonexistent|non-existent) (chat )?model|not a valid model"
    r"|deployment\b.{0,80}does not exist|(not|n.t) have access to (the )?(model|project)|model_not_found|model identifier is invalid|(not allowed|unable) to access (the )?model"
    r"|no models? (is |are )?loaded|multiple models are loaded|provider not provided|模型不存在",
    re.IGNORECASE | re.DOTALL,
)
CONTEXT_LENGTH = re.compile(
    r"context.?(length|window|size)|(prompt|input|messages?|text)s?\b.{0,60}(too (long|large|big)|exceed|longer than|over the limit)"
    r"|(too many|number of|total of|maximum|requested) .{0,30}tokens|tokens?.{0,60}(must be <=|exceed|> ?\d|greater than|over the limit)"
    r"|(maximum|max) (prompt|input|sequence|model) length|range of input length|exceed\w* .{0,30}\btokens?\b|上下文长度|超长|过长",
    re.IGNORECASE,
)
CONTENT_FILTER = re.compile(
    r"content.{0,20}(filter|polic|risk)|moderation|was flagged|safety.(system|polic|check)|inappropriate content|data inspection"
    r"|sensitive (words|content)|usage (guidelines|polic)|敏感",
    re.IGNORECASE,
)
UNSUPPORTED = re.compile(
    r"not (be )?(supported|support|permitted|allowed|enabled|accepted|recognized|recognised|implemented|available)"
    r"|unsupported|un(known|expected|recognized|recognised)|invalid|extra (inputs|fields|input)|only\b|must|doesn't support|no longer|deprecated|remove|should be|not one of",
    re.IGNORECASE,
)
SYSTEM_MESSAGE = re.compile(
    r"\bsystem\b.{0,60}\b(role|message|prompt|instruction)|\brole.{0,60}\bsystem\b|roles? must alternate|developer instruction"
    r"|only (support )?.{0,20}user.{0,20}(and|or).{0,20}assistant|messages\W+0\W+role",
    re.IGNORECASE | re.DOTALL,
)
EXTRA_FIELDS = re.compile(
    r"(extra|unknown|unrecognized|unrecognised|unexpected|unsupported|additional)\b.{0,20}\b(inputs?|fields?|parameters?|arguments?|keys?|propert)",
    re.IGNORECASE,
)
SIZE_LIMIT = re.compile(
    r"too (large|long|many|big)|context (length|window|size|overflow)|batch.?size|\bmax(imum|imal)?\b|at most|max \d"
    r"|exceed|(larg|long|great|bigg)er than|(less|fewer|more) than|limit is|(<=?|>=?|up to) ?\d"
    r"|(reduce|shorten|lower|truncate|split)\b|truncation|out of range|must match the size"
    r"|\binput'? is invalid|\u8d85\u8fc7|\u8d85\u51fa|\u8d85\u957f|\u8fc7\u957f|\u6700\u5927",  # the last ones are Chinese
    re.IGNORECASE,
)
NO_EMBEDDINGS = re.compile(
    r"(not|n't) (support|generate|produce|provide|create|have) (text )?embeddings?\b|no embeddings? (support|model)"
    r"|not an embeddings? model|embeddings? (is|are) not (supported|enabled|available)"
    r"|(not support|unsupported).{0,20}embeddings? api|not allowed to (generate|create|make) embeddings?|\bis not (an )?embeddings?\b",
    re.IGNORECASE,
)
SINGLE_TEXT = re.compile(
    r"(should|must) be (a |of type )?(valid )?str(ing)?\b|str(ing)? type expected|expected (a )?str(ing)?\b"
    r"|cannot unmarshal array|(array|list)s? .{0,30}not (supported|allowed)|only (supports? )?(a )?single (input|text|string)",
    re.IGNORECASE,
)
# A busy server mentions limits too: its message must name what is too large.
INPUT = re.compile(
    r"\b(tokens?|batch|inputs?|context|prompt|texts?|sequence|tensor|documents?|requests? in one)\b",
    re.IGNORECASE,
)
NO_STREAMING = re.compile(
    r"\bstream(ing)?\b.{0,60}((not|n't) (be )?(support|allow|permit|implement|enabled|available)|unsupported|must be false)"
    r"|((not|n't) (support|allow|permit|implement)|unsupported|verified to)\W?.{0,60}\bstream(ing)?\b",
    re.IGNORECASE,
)
# Advice to change the request first: "reduce the length and try again".
CHANGE_AND_RETRY = re.compile(
    r"\b(choose|check|change|reduce|shorten|correct|use|select|specify|remove|modify)\b.{0,80}\b(re)?try( again)?\W*$",
    re.IGNORECASE,
)
BUSY = re.compile(
    r"overload|\bbusy\b|temporar|at capacity|capacity exceeded|(try|retry) again (later|soon|in\b)|please (re)?try( again)?\W*$"
    r"|try again\W*$|model is (currently |still )?loading|still loading",
    re.IGNORECASE,
)
# About time, whatever else the message says ("context deadline exceeded").
TIME_LIMIT = re.compile(r"deadline|timed? ?out|rate.?limit|\bper (second|minute|hour|day)\b", re.IGNORECASE)
