"""Payloads seen from OpenAI-compatible servers: streamed answers, and refusals with their meaning."""

import json

ANSWER = "A student membership costs 21 euros a year. [1]"
WORDS = ["A student ", "membership costs ", "21 euros a year. ", "[1]"]


def event(value):
    return f"data: {json.dumps(value)}\n\n".encode()


def delta(reason=None, **values):
    return event({"id": "x", "choices": [{"index": 0, "delta": values, "finish_reason": reason}]})


def said(*words):
    return [delta(content=word) for word in words or WORDS]


def ended(reason="stop"):
    return [*said(), delta(reason), DONE]


def content(text, size=3):
    return [delta(content=text[at : at + size]) for at in range(0, len(text), size)]


DONE = b"data: [DONE]\n\n"
HALVES = [
    'data: {"choices": [{"delta": {"content": "\\ud83d"}}]}\n\n',
    'data: {"choices": [{"delta": {"content": "\\ude00"}}]}\n\n',
]
HARMONY = "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>{}<|return|>"
THOUGHT = "The reader wants a price."

# Streams that end in ANSWER, complete.
COMPLETE = {
    **{reason: ended(reason) for reason in ("eos", "eos_token", "STOP", "end_turn", "COMPLETE", "stop_sequence", "EndTurn", "<|im_end|>", "FINISH_REASON_STOP", "FinishReason.STOP", "eosFound", "stopStringFound", "stop_str")},
    "no reason, but [DONE]": [*said(), DONE],
    "a reason that nobody knows, and [DONE]": ended("because"),
    "the reason as an object": [*said(), event({"choices": [{"delta": {}, "finish_reason": {"type": "stop"}}]}), DONE],
    "stop_reason": [*said(), event({"choices": [{"delta": {}, "stop_reason": "end_turn"}]})],
    "the reason with the last word": [*said(*WORDS[:-1]), delta("stop", content=WORDS[-1])],
    "a reason in every chunk": [*(delta("stop", content=word) for word in WORDS), DONE],
    "tool_calls without a call": ended("tool_calls"),
    "no [DONE]": [*said(), delta("stop")],
    "comments": [b": keep-alive\n\n", b":\n", *said(), b": OPENROUTER PROCESSING\n\n", delta("stop"), DONE],
    "pings": [b"event: ping\ndata: ping\n\n", b"data:\n\n", b'event: ping\ndata: {"type": "ping"}\n\n', *said(), delta("stop"), DONE],
    "a place in a queue": [event({"status": "queued", "message": "Waiting for a free slot"}), *ended()],
    "no blank lines": [part.replace(b"\n\n", b"\n") for part in ended()],
    "carriage returns": [part.replace(b"\n\n", b"\r\n\r\n") for part in ended()],
    "no space after the colon": [part.replace(b"data: ", b"data:") for part in ended()],
    "a mark of byte order": [b"\xef\xbb\xbf" + said()[0], *ended()[1:]],
    "one packet": [b"".join(ended())],
    "single bytes": [bytes([byte]) for byte in b"".join(ended())],
    "parts": [
        delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}]),
        *(delta(content=[{"type": "text", "text": word}]) for word in WORDS),
        delta("stop"),
    ],
    "text in place of a delta": [*(event({"choices": [{"text": word}]}) for word in WORDS), DONE],
    "messages in place of deltas": [*(event({"choices": [{"message": {"content": word}}]}) for word in WORDS), DONE],
    "a usage that is absurd": [*said(), delta("stop"), event({"choices": [], "usage": {"prompt_tokens": 10**30, "completion_tokens": -1}}), DONE],
    "an error that is null": [event({"error": None, "choices": [{"delta": {"content": ANSWER}}]}), delta("stop"), DONE],
    "marks of a chat template": [*content("<|im_start|>assistant\n" + ANSWER + "<|im_end|>"), delta("stop"), DONE],
    "a reason before the first word": [delta("stop", role="assistant"), *said(), delta("stop"), DONE],
    "a closing mark": [*content(ANSWER + "</s>"), delta("stop"), DONE],
    "harmony": [*content(HARMONY.format(THOUGHT, ANSWER)), delta("stop"), DONE],
    "harmony from the middle": [*content(THOUGHT + "<|end|><|start|>assistant<|channel|>final<|message|>" + ANSWER), delta("stop"), DONE],
    "harmony without its marks": [*content(f"analysis{THOUGHT}assistantfinal{ANSWER}"), delta("stop"), DONE],
    **{
        f"{begin} {end}": [*content(f"{begin}{THOUGHT}{end}\n\n{ANSWER}"), delta("stop"), DONE]
        for begin, end in (
            ("<thought>", "</thought>"), ("<Thinking>", "</Thinking>"), ("[THINK]", "[/THINK]"), ("◁think▷", "◁/think▷"), ("<seed:think>", "</seed:think>"),
            ("<|START_THINKING|>", "<|END_THINKING|>"), ("<|channel>thought\n", "<channel|>"), ("<scratchpad>", "</scratchpad>"), ("<analysis>", "</analysis>"), ("<reflection>", "</reflection>"),
        )
    },
    "a thought marked beside it": [
        delta(content=THOUGHT, extra_content={"google": {"thought": True}}), *said(), delta("stop"), DONE
    ],
    "thoughts in a field": [delta(reasoning=THOUGHT), delta(thinking=THOUGHT), *said(), delta("stop"), DONE],
    "thoughts in details": [delta(reasoning_details=[{"type": "reasoning.text", "text": THOUGHT}]), *said(), delta("stop")],
    "NUL": [delta(content="A student\0 "), *said(*WORDS[1:]), delta("stop", content="\0"), DONE],
    "several answers at once": [*(event({"choices": [{"index": at, "delta": {"content": text}}]}) for word in WORDS for at, text in enumerate([word, "X"])), delta("stop"), DONE],
    "a last message that says all again": [*said(), event({"choices": [{"index": 0, "delta": {}, "message": {"content": ANSWER}, "finish_reason": "stop"}]}), DONE],
    "messages that say all again": [*(event({"choices": [{"message": {"content": "".join(WORDS[: at + 1])}}]}) for at in range(len(WORDS))), DONE],
    "events in events": [part.replace(b"data: ", b"data: data: ") for part in ended()],
    "an end in quotation marks": [*said(), b'data: "[DONE]"\n\n'],
    "an end by name": [*said(), b"event: done\ndata: {}\n\n"],
    "a usage that is taken back": [event({"choices": [], "usage": {"prompt_tokens": 5}}), *said(), event({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {}})],
    "an answer that is not streamed": [json.dumps({"choices": [{"message": {"content": ANSWER}, "finish_reason": "stop"}]}).encode()],
    "an answer that is not streamed and says no reason": [json.dumps({"choices": [{"message": {"content": ANSWER}}]}, indent=1).encode()],
}  # fmt: skip

# Streams that break off with some words, and the reason that is kept.
CUT = {
    "length": (ended("length"), "length"),
    "max_tokens": (ended("MAX_TOKENS"), "length"),
    "model_length": (ended("model_length"), "length"),
    "safety": (ended("SAFETY"), "content_filter"),
    "error": (ended("error"), "error"),
    "nothing said": (said(), ""),
    "calls a tool": ([*said(), delta(tool_calls=[{"index": 0, "function": {"name": "search"}}]), delta("tool_calls"), DONE], "tool_calls"),
    "declines in a part": ([delta(content=[{"type": "refusal", "refusal": "I cannot help with that."}]), delta("stop"), DONE], "refusal"),
    "broken off in an event": ([*said(), b'data: {"choices": [{"del'], ""),
    "declines": ([delta(refusal="I cannot help with that."), delta("stop"), DONE], "refusal"),
}  # fmt: skip

# Answers that are none, and what they mean.
NOTHING = {
    "only tool calls": ([delta(tool_calls=[{"index": 0, "function": {"name": "search"}}]), delta("tool_calls"), DONE], "tool_calls"),
    "only a thought": ([delta(reasoning_content=THOUGHT), delta("stop"), DONE], "endless_thought"),
    "an open thought": ([*content("<think>" + THOUGHT), delta("stop"), DONE], "endless_thought"),
    "declined without a word": ([delta("refusal"), DONE], "declined"),
    "blanks of no width": ([delta(content="\u200b\u2060"), delta("stop"), DONE], "empty_answer"),
    "a thought cut off": ([delta(reasoning_content=THOUGHT), delta("length"), DONE], "cut_off"),
    "filtered before a word": ([delta("content_filter"), DONE], "content_filter"),
    "blanks": ([delta(content=" \n"), delta("stop"), DONE], "empty_answer"),
    "an error as a string": ([event({"error": "The server is overloaded."})], "unavailable"),
    "an error with status 200": ([json.dumps({"error": {"message": "Invalid API key", "code": 401}}).encode()], "key_refused"),
    "an error in an event of its own": ([b"event: error\ndata: {\"message\": \"Rate limit\", \"code\": 429}\n\n"], "rate_limited"),
    "an error as vLLM sends it": ([event({"object": "error", "message": "The model `x` does not exist.", "code": 404})], "no_such_model"),
    "an error in a choice": ([event({"choices": [{"error": {"code": 402, "message": "Insufficient credits"}, "finish_reason": "error"}]})], "quota_spent"),
    "an error in JSON in JSON": ([event({"error": {"message": "Provider returned error", "metadata": {"raw": '{"error": {"code": "insufficient_quota"}}'}}})], "quota_spent"),
    "a web page": ([b"<!doctype html><title>Sign in</title>"], "bad_response"),
    "nothing at all": ([b""], "empty_answer"),
    "nothing but its end": ([DONE], "empty_answer"),
    "other text": ([b"Hello."], "bad_response"),
    "an error without the name of its line": ([delta(role="assistant"), b'{"error": {"message": "Invalid API key", "code": 401}}\n\n'], "key_refused"),
    "an error in a stream that speaks of streams": ([event({"error": {"message": "Stream terminated unexpectedly"}})], "unavailable"),
    "LM Studio without /v1": ([json.dumps({"error": "Unexpected endpoint or method. (POST /chat/completions)"}).encode()], "no_such_page"),
    "MiniMax's balance": ([json.dumps({"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}).encode()], "quota_spent"),
    "an error with no data": ([json.dumps({"code": 401, "msg": "Invalid API key", "data": None}).encode()], "key_refused"),
    "no JSON": ([b"data: {\"choices\": [{\"del\n\n", DONE], "bad_response"),
}  # fmt: skip

SPEAKS_OF = "must be a valid setting"
# (status, body) of refusals, and what they mean.
REFUSALS = {
    "Gemini's bad key": (400, [{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT"}}], "key_refused"),
    "Gemini's unknown model": (404, [{"error": {"code": 404, "message": "models/x is not found for API version v1main", "status": "NOT_FOUND"}}], "no_such_model"),
    "Gemini's place": (400, [{"error": {"code": 400, "message": "User location is not supported for the API use.", "status": "FAILED_PRECONDITION"}}], "region"),
    "OpenAI's place": (403, {"error": {"code": "unsupported_country_region_territory", "message": "Country, region, or territory not supported", "type": "request_forbidden"}}, "region"),
    "OpenRouter's moderation": (403, {"error": {"code": 403, "message": "Your chosen model requires moderation and your input was flagged"}}, "content_filter"),
    "Anthropic's balance": (400, {"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low to access the API."}}, "quota_spent"),
    "Anthropic is overloaded": (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "unavailable"),
    "Groq's size": (413, {"error": {"message": "Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 7250", "code": "rate_limit_exceeded"}}, "context_length"),
    "OpenAI's size in a minute": (429, {"error": {"message": "Request too large for gpt-4 on tokens per min (TPM): Limit 10000, Requested 12000.", "code": "rate_limit_exceeded"}}, "context_length"),
    "Anthropic's size": (400, {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum"}}, "context_length"),
    "TGI's size": (422, {"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000", "error_type": "validation"}, "context_length"),
    "llama.cpp's size": (400, {"error": {"code": 400, "message": "the request exceeds the available context size, try increasing it", "type": "exceed_context_size_error"}}, "context_length"),
    "Ollama's unknown model": (404, {"error": "model 'x' not found"}, "no_such_model"),
    "a model as a string": (400, {"error": "unknown model: x"}, "no_such_model"),
    "a model in detail": (422, {"detail": [{"loc": ["body", "model"], "msg": "Model x does not exist", "input": "api key invalid"}]}, "no_such_model"),
    "a key in detail": (403, {"detail": "Invalid API key"}, "key_refused"),
    "no model at this account": (403, {"error": {"message": "Project `p` does not have access to model `x`", "code": "model_not_found"}}, "no_such_model"),
    "paid nothing": (402, {"detail": "Payment required"}, "quota_spent"),
    "a conflict": (409, {"error": {"message": "Conflict"}}, "unavailable"),
    "xAI's credits": (403, {"code": "x", "error": "Your newly created teams doesn't have any credits yet."}, "quota_spent"),
    "OpenRouter's limit of a key": (403, {"error": {"message": "Key limit exceeded (total limit).", "code": 403}}, "quota_spent"),
    "SiliconFlow's balance": (403, {"code": 30001, "message": "Sorry, your account balance is insufficient", "data": None}, "quota_spent"),
    "Anthropic's limit": (400, {"type": "error", "error": {"type": "invalid_request_error", "message": "You have reached your specified API usage limits."}}, "quota_spent"),
    "LiteLLM's budget": (400, {"error": {"message": "Budget has been exceeded! Current cost: 10.0, Max budget: 10.0"}}, "quota_spent"),
    "one-api's quota": (403, {"error": {"message": "user quota is not enough", "type": "one_api_error"}}, "quota_spent"),
    "DeepSeek's filter": (400, {"error": {"message": "Content Exists Risk"}}, "content_filter"),
    "xAI's filter": (403, {"code": "The caller does not have permission", "error": "Content violates usage guidelines."}, "content_filter"),
    "Zhipu's filter": (400, {"error": {"message": "系统检测到输入或生成内容可能包含不安全或敏感内容"}}, "content_filter"),
    "Bedrock's access": (403, {"message": "You don't have access to the model with the specified model ID."}, "no_such_model"),
    "Groq's capacity": (498, {"error": {"message": "Flex tier capacity exceeded"}}, "unavailable"),
    "a closed door": (403, {"error": {"message": "This service is for members."}}, "access_refused"),
    "a closed door without words": (403, {}, "key_refused"),
    "xAI's limit": (429, {"error": "Your team has either used all available credits or reached its monthly spending limit."}, "quota_spent"),
    "Fireworks' bill": (412, {"error": {"message": "Account x is suspended, possibly due to failure to pay past invoices"}}, "quota_spent"),
    "Moonshot's balance": (429, {"error": {"message": "Your account is suspended, please check your plan and billing details", "type": "exceeded_current_quota_error"}}, "quota_spent"),
    "Gemini's minute": (429, [{"error": {"message": "You exceeded your current quota, please check your plan and billing details.", "status": "RESOURCE_EXHAUSTED"}}], "rate_limited"),
    "xAI's size": (400, {"error": "This model's maximum prompt length is 131072 but the request contains 200000 tokens."}, "context_length"),
    "DashScope's size": (400, {"error": {"message": "Range of input length should be [1, 30720]"}}, "context_length"),
    "Moonshot's size": (400, {"error": {"message": "Invalid request: Your request exceeded model token limit: 8192"}}, "context_length"),
    "a size with advice": (400, {"error": {"message": "Input tokens exceed the configured limit of 272000 tokens. Please reduce the length of the messages and try again."}}, "context_length"),
    "a size in Chinese": (400, {"error": {"message": "输入内容超长"}}, "context_length"),
    "a size as a server's fault": (500, {"error": {"message": "context size exceeded"}}, "context_length"),
    "Azure's other model": (400, {"error": {"message": "The chatCompletion operation does not work with the specified model. Please choose different model and try again.", "code": "OperationNotSupported"}}, "no_such_model"),
    "LiteLLM's access": (401, {"error": {"message": "team not allowed to access model.", "type": "team_model_access_denied"}}, "no_such_model"),
    "LiteLLM's provider": (400, {"error": {"message": "LLM Provider NOT provided. You passed model=x"}}, "no_such_model"),
    "LM Studio's model": (400, {"error": {"message": "No models loaded. Please load a model in the developer page."}}, "no_such_model"),
    "Groq's terms": (400, {"error": {"message": "The model `x` requires terms acceptance.", "code": "model_terms_required"}}, "no_such_model"),
    "Azure's firewall": (403, {"error": {"message": "Access denied due to Virtual Network/Firewall rules.", "code": "403"}}, "region"),
    "Groq's network": (403, {"error": {"message": "Access denied. Please check your network settings."}}, "region"),
    "Gemini is not enabled": (403, [{"error": {"message": "Generative Language API has not been used in project 1 before or it is disabled.", "status": "PERMISSION_DENIED"}}], "access_refused"),
    "Anthropic's organization": (400, {"error": {"message": "This organization has been disabled."}}, "access_refused"),
    "OpenAI's wrong address": (404, {"error": {"message": "Invalid URL (POST /chat/completions)", "type": "invalid_request_error"}}, "no_such_page"),
    "a page that takes no requests": (405, {"detail": "Method Not Allowed"}, "no_such_page"),
    "words alone": (400, {"message": "I do not like this."}, "refused"),
}  # fmt: skip

# Refusals of an optional parameter, in the shapes that servers give them.
OF_PARAMETERS = {
    "Mistral": ("stream_options", 422, {"object": "error", "message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted", "input": {"x": 1}}]}}),
    "a detail": ("stream_options", 400, {"detail": "Value for 'stream_options' is not supported"}),
    "a list": ("temperature", 400, [{"error": {"code": 400, "message": "temperature is not supported by this model"}}]),
    "a server's fault": ("stream_options", 500, {"error": "unknown field: stream_options"}),
    "no name": ("stream_options", 422, {"detail": "Extra inputs are not permitted"}),
    "JSON in JSON": ("stream_options", 400, {"error": {"message": '{"detail": "Unsupported parameter: stream_options"}'}}),
    "no streaming": ("stream", 400, {"error": {"message": "Streaming is not supported for this model."}}),
}  # fmt: skip

# How servers say that a model knows no system role.
NO_SYSTEM_ROLE = {
    "Gemma's template": (500, {"error": {"message": "System role not supported"}}),
    "vLLM": (400, {"object": "error", "message": "System role not supported", "code": 400}),
    "OpenAI": (400, {"error": {"message": "Unsupported value: 'messages[0].role' does not support 'system' with this model.", "param": "messages[0].role"}}),
    "Mistral's template": (400, {"error": {"message": "Conversation roles must alternate user/assistant/user/assistant/..."}}),
    "Gemini": (400, [{"error": {"message": "Developer instruction is not enabled for models/gemma-3-1b-it", "status": "INVALID_ARGUMENT"}}]),
    "a newer validator": (422, {"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "Input should be 'user' or 'assistant'"}]}),
    "a list of roles": (400, {"error": {"message": "'system' is not one of ['user', 'assistant'] - 'messages.0.role'"}}),
    "a validator": (422, {"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "unexpected value; permitted: 'user', 'assistant'"}]}),
}  # fmt: skip
