"""OpenAI's own SDK for Python, unchanged, as a client of a listening gateway.

Reads WEIR_TEST_URL and WEIR_TEST_KEYS (JSON: all, one_rpm, embeddings_only) and prints one JSON line for each check:
{"name": "...", "error": null or the traceback}.
"""

import asyncio
import base64
import json
import os
import struct
import time
import traceback
from typing import List, Literal

import openai
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

URL = os.environ["WEIR_TEST_URL"]
KEYS = json.loads(os.environ["WEIR_TEST_KEYS"])
CHECKS = []

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}


class Person(BaseModel):
    name: str
    age: int
    hobbies: List[Literal["chess", "rowing"]]


def check(name):
    def register(function):
        CHECKS.append((name, function))
        return function

    return register


def client(key=KEYS["all"], **more):
    return OpenAI(base_url=URL, api_key=key, **{"max_retries": 0, **more})


def async_client(**more):
    return AsyncOpenAI(base_url=URL, api_key=KEYS["all"], **{"max_retries": 0, **more})


def ask(content, model="sim/small"):
    return {"model": model, "messages": [{"role": "user", "content": content}]}


def raised(call):
    try:
        call()
    except openai.OpenAIError as error:
        return error
    raise AssertionError("the call succeeded")


@check("models.list and models.retrieve")
def models():
    ids = [model.id for model in client().models.list()]
    assert "sim/small" in ids and "sim/embed" in ids, ids
    assert client().models.retrieve("sim/small").owned_by == "sim"


@check("a whole chat completion")
def chat():
    answer = client().chat.completions.create(**ask('[[sim output="Grüße aus dem Wehr 🌊"]]'))
    assert answer.choices[0].message.content == "Grüße aus dem Wehr 🌊"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer._request_id.startswith("req_")


@check("the headers of a raw response")
def raw_response():
    response = client().chat.completions.with_raw_response.create(**ask("Hello"))
    assert response.headers["x-weir-target"] == "sim/small"
    assert float(response.headers["x-weir-cost-usd"]) > 0
    assert response.parse().choices[0].message.content


@check("a streamed chat completion with its usage")
def stream():
    whole = client().chat.completions.create(**ask("What is a weir?"))
    text, finish, usage = "", None, None
    options = {"stream": True, "stream_options": {"include_usage": True}}
    for chunk in client().chat.completions.create(**ask("What is a weir?"), **options):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
        usage = chunk.usage or usage
    assert text == whole.choices[0].message.content
    assert finish == "stop"
    assert usage == whole.usage, (usage, whole.usage)


@check("the stream helper")
def stream_helper():
    text = ""
    with client().chat.completions.stream(**ask("Hello there")) as events:
        for event in events:
            if event.type == "content.delta":
                text += event.delta
        final = events.get_final_completion()
    assert text and final.choices[0].message.content == text


@check("a round of tools")
def tools():
    question = {"role": "user", "content": "What is the weather in Graz?"}
    first = client().chat.completions.create(model="sim/small", messages=[question], tools=[WEATHER])
    assert first.choices[0].finish_reason == "tool_calls"
    message = first.choices[0].message
    call = message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert sorted(json.loads(call.function.arguments)) == ["city", "unit"]
    result = {"role": "tool", "tool_call_id": call.id, "content": '{"degrees": 21}'}
    messages = [question, message.model_dump(exclude_none=True), result]
    second = client().chat.completions.create(model="sim/small", messages=messages, tools=[WEATHER])
    assert second.choices[0].finish_reason == "stop" and second.choices[0].message.content


@check("streamed tool calls")
def streamed_tools():
    pieces = 0
    with client().chat.completions.stream(**ask("What is the weather in Graz?"), tools=[WEATHER]) as events:
        for event in events:
            pieces += event.type == "tool_calls.function.arguments.delta"
        final = events.get_final_completion()
    call = final.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather" and pieces > 1
    assert "city" in call.function.parsed_arguments


@check("structured output into a pydantic model")
def parse():
    request = {**ask("Describe a person"), "response_format": Person}
    whole = client().chat.completions.parse(**request).choices[0].message.parsed
    assert isinstance(whole, Person)
    with client().chat.completions.stream(**request) as events:
        assert events.get_final_completion().choices[0].message.parsed == whole


@check("embeddings, as floats and as base64")
def embeddings():
    asked = {"model": "sim/embed", "input": ["a low dam", "a river"], "dimensions": 64}
    default = client().embeddings.create(**asked)
    floats = client().embeddings.create(**asked, encoding_format="float")
    packed = client().embeddings.create(**asked, encoding_format="base64")
    assert [len(row.embedding) for row in default.data] == [64, 64]
    for one, other, raw in zip(default.data, floats.data, packed.data):
        assert all(abs(a - b) < 1e-6 for a, b in zip(one.embedding, other.embedding))
        assert list(struct.unpack("<64f", base64.b64decode(raw.embedding))) == list(one.embedding)
    assert default.usage.total_tokens > 0


@check("pictures, made, streamed and edited")
def pictures():
    asked = {"model": "sim/draw", "prompt": "a weir at dawn", "size": "64x64"}
    made = client().images.generate(**asked, n=2)
    assert [base64.b64decode(one.b64_json)[1:4] for one in made.data] == [b"PNG", b"PNG"]
    events = [event.type for event in client().images.generate(**asked, stream=True, partial_images=1)]
    assert events == ["image_generation.partial_image", "image_generation.completed"], events
    edited = client().images.edit(**asked, image=[("a.png", b"one", "image/png"), ("b.png", b"two", "image/png")])
    assert edited.usage.input_tokens_details.image_tokens == 646


@check("speech, whole and as it comes; transcriptions in every form; a translation")
def sound():
    spoken = {"model": "sim/speak", "voice": "alloy", "input": "The river is high.", "response_format": "wav"}
    whole = client().audio.speech.create(**spoken).content
    assert whole[:4] == b"RIFF"
    with client().audio.speech.with_streaming_response.create(**spoken) as response:
        assert b"".join(response.iter_bytes()) == whole
    heard = {"model": "sim/hear", "file": ("a.wav", whole, "audio/wav")}
    text = client().audio.transcriptions.create(**heard).text
    verbose = client().audio.transcriptions.create(**heard, response_format="verbose_json", timestamp_granularities=["word"])
    assert verbose.text == text and abs(verbose.duration - 1.2) < 0.1 and len(verbose.words) > 0
    assert client().audio.transcriptions.create(**heard, response_format="vtt").startswith("WEBVTT")
    streamed = list(client().audio.transcriptions.create(**heard, stream=True))
    assert "".join(event.delta for event in streamed[:-1]) == streamed[-1].text == text
    assert client().audio.translations.create(**heard).text


@check("moderations")
def moderations():
    results = client().moderations.create(model="sim/moderate", input=["stab it", "water it"]).results
    assert [result.flagged for result in results] == [True, False]


@check("legacy completions, whole and streamed")
def completions():
    asked = {"model": "sim/small", "prompt": "Once upon a time", "max_tokens": 12}
    whole = client().completions.create(**asked).choices[0].text
    streamed = "".join(chunk.choices[0].text for chunk in client().completions.create(**asked, stream=True))
    assert whole and streamed == whole


@check("typed errors")
def errors():
    table = [
        (openai.AuthenticationError, 401, "invalid_api_key", client("sk-weir-nobody"), ask("Hi")),
        (openai.NotFoundError, 404, "model_not_found", client(), ask("Hi", "sim/none")),
        (openai.BadRequestError, 400, "decimal_above_max_value", client(), {**ask("Hi"), "temperature": 5}),
        (openai.BadRequestError, 400, "context_length_exceeded", client(), ask("[[sim fault=context_400]]")),
        (openai.PermissionDeniedError, 403, "model_not_allowed", client(KEYS["embeddings_only"]), ask("Hi")),
        (openai.InternalServerError, 502, "all_targets_failed", client(), ask("[[sim fault=error_500]]")),
    ]
    for kind, status, code, caller, request in table:
        error = raised(lambda: caller.chat.completions.create(**request))
        assert type(error) is kind, repr(error)
        assert (error.status_code, error.code) == (status, code), repr(error)
        assert error.request_id.startswith("req_"), error.request_id


@check("a rate limit with its headers")
def rate_limit():
    limited = client(KEYS["one_rpm"])
    limited.chat.completions.create(**ask("Hi"))
    error = raised(lambda: limited.chat.completions.create(**ask("Hi")))
    assert type(error) is openai.RateLimitError, repr(error)
    assert error.code == "rate_limit_exceeded"
    assert 50 < int(error.response.headers["retry-after"]) <= 61


@check("an error inside a stream")
def error_in_stream():
    request = {**ask("[[sim fault=cut tokens=40]]"), "stream": True}
    error = raised(lambda: list(client().chat.completions.create(**request)))
    assert isinstance(error, openai.APIError) and error.code == "all_targets_failed", repr(error)


@check("a timeout of the SDK")
def timeout():
    error = raised(lambda: client(timeout=0.1).chat.completions.create(**ask("[[sim ttft_ms=30000]]")))
    assert type(error) is openai.APITimeoutError, repr(error)


@check("retries at the time that was asked for")
def retries():
    started = time.monotonic()
    answer = client(max_retries=1).chat.completions.create(**ask("Hi", "up/m"))
    assert answer.choices[0].message.content == "at last"
    # Left to itself the SDK would have come back within half a second.
    assert time.monotonic() - started > 0.69


@check("a stream that is left early")
def left_early():
    stream = client().chat.completions.create(**ask("[[sim tokens=5000 gap_ms=5]]"), stream=True)
    next(iter(stream))
    stream.close()


@check("the async client: whole, streamed, tools, parsed, embeddings, errors, many at once")
def asynchronous():
    async def run():
        async with async_client() as caller:
            create = caller.chat.completions.create
            whole = await create(**ask("What is a weir?"))
            text = ""
            async for chunk in await create(**ask("What is a weir?"), stream=True):
                text += chunk.choices[0].delta.content or ""
            assert text == whole.choices[0].message.content
            async with caller.chat.completions.stream(**ask("Weather?"), tools=[WEATHER]) as events:
                final = await events.get_final_completion()
            assert final.choices[0].message.tool_calls[0].function.name == "get_weather"
            parsed = await caller.chat.completions.parse(**ask("Describe a person"), response_format=Person)
            assert isinstance(parsed.choices[0].message.parsed, Person)
            embedded = await caller.embeddings.create(model="sim/embed", input="x", dimensions=8)
            assert len(embedded.data[0].embedding) == 8
            try:
                await create(**ask("Hi", "sim/none"))
                raise AssertionError("the call succeeded")
            except openai.NotFoundError:
                pass
            answers = await asyncio.gather(*(create(**ask(f"Number {number}")) for number in range(20)))
            assert len({answer._request_id for answer in answers}) == 20

    asyncio.run(run())


@check("files, and a batch of them")
def files_and_batches():
    caller = client()
    lines = [
        {"custom_id": f"line {number}", "method": "POST", "url": "/v1/chat/completions", "body": ask(f"Number {number}")}
        for number in range(3)
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    file = caller.files.create(file=("input.jsonl", text.encode()), purpose="batch")
    assert (file.filename, file.purpose, file.bytes) == ("input.jsonl", "batch", len(text.encode()))
    assert caller.files.retrieve(file.id).id == file.id
    assert file.id in [one.id for one in caller.files.list()]
    assert caller.files.content(file.id).text == text
    batch = caller.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"a": "b"}
    )
    while batch.status in ("validating", "in_progress", "finalizing"):
        time.sleep(0.01)
        batch = caller.batches.retrieve(batch.id)
    assert batch.status == "completed" and batch.metadata == {"a": "b"}, repr(batch)
    assert (batch.request_counts.total, batch.request_counts.completed) == (3, 3)
    answers = [json.loads(line) for line in caller.files.content(batch.output_file_id).text.splitlines()]
    assert {one["custom_id"] for one in answers} == {line["custom_id"] for line in lines}
    assert all(one["response"]["body"]["choices"][0]["message"]["content"] for one in answers)
    assert batch.id in [one.id for one in caller.batches.list()]
    assert caller.files.delete(file.id).deleted
    assert isinstance(raised(lambda: caller.files.retrieve(file.id)), openai.NotFoundError)


@check("a realtime session")
def realtime():
    with client().realtime.connect(model="sim/talk") as session:
        assert next(iter(session)).type == "session.created"
        session.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello!"}]}
        session.conversation.item.create(item=said)
        session.response.create()
        text = ""
        for event in session:
            if event.type == "response.output_text.delta":
                text += event.delta
            if event.type == "error":
                raise AssertionError(repr(event))
            if event.type == "response.done":
                assert text and event.response.usage.output_tokens > 0, repr(event)
                break


for name, function in CHECKS:
    failure = None
    try:
        function()
    except BaseException:
        failure = traceback.format_exc()
    print(json.dumps({"name": name, "error": failure}), flush=True)
