"""Official SDKs for Python, unchanged, as clients before every wire.

Reads WEIR_MATRIX (JSON: url, key, wires, asked, png, weather) and prints one JSON line for each cell:
{"client": "...", "wire": "...", "operation": "...", "result": ..., "error": null or the traceback}.
What the results must be is said by sdk-matrix-python.test.ts.
"""

import base64
import json
import os
import traceback

import anthropic
import openai
from google import genai
from google.genai import errors as genai_errors
from google.genai import types as genai_types
from pydantic import BaseModel

GIVEN = json.loads(os.environ["WEIR_MATRIX"])
URL, KEY, ASKED, PNG, WEATHER = (GIVEN[name] for name in ("url", "key", "asked", "png", "weather"))

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


class Person(BaseModel):
    name: str
    age: int


def error_of(call):
    try:
        call()
    except Exception as error:  # the kind of the exception is the result
        return f"{type(error).__name__} {getattr(error, 'status_code', None) or getattr(error, 'code', None)}"
    raise AssertionError("the call succeeded")


class OpenAIChat:
    def __init__(self, model, key=KEY):
        self.model = model
        self.create = openai.OpenAI(base_url=f"{URL}/v1", api_key=key, max_retries=0).chat.completions

    def ask(self, content):
        return {"model": self.model, "messages": [{"role": "user", "content": content}]}

    def heard(self, completion):
        choice, usage = completion.choices[0], completion.usage
        return {
            "text": choice.message.content,
            "tokens": [usage.prompt_tokens, usage.completion_tokens],
            "finish": choice.finish_reason,
        }

    def whole(self):
        return self.heard(self.create.create(**self.ask(ASKED["hello"])))

    def stream(self):
        with self.create.stream(**self.ask(ASKED["hello"]), stream_options={"include_usage": True}) as stream:
            return self.heard(stream.get_final_completion())

    tool = {"type": "function", "function": {"name": "weather", "description": "The weather", "parameters": SCHEMA}}

    def tools(self):
        return self.round(self.create.create(**self.ask(ASKED["weather"]), tools=[self.tool]))

    def streamed_tools(self):
        with self.create.stream(**self.ask(ASKED["weather"]), tools=[self.tool]) as stream:
            return self.round(stream.get_final_completion())

    def round(self, completion):
        message = completion.choices[0].message
        call = message.tool_calls[0]
        question = self.ask(ASKED["weather"])
        sent = {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.function.name, "arguments": call.function.arguments},
                }
            ],
        }
        question["messages"] += [sent, {"role": "tool", "tool_call_id": call.id, "content": WEATHER}]
        answer = self.create.create(**question, tools=[self.tool]).choices[0].message.content
        return {"name": call.function.name, "input": json.loads(call.function.arguments), "answer": answer}

    def structured(self):
        return self.create.parse(**self.ask(ASKED["person"]), response_format=Person).choices[0].message.parsed.model_dump()

    def vision(self):
        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
        completion = self.create.create(**self.ask([{"type": "text", "text": ASKED["picture"]}, image]))
        return completion.choices[0].message.content

    def errors(self):
        return {
            "request": error_of(lambda: self.create.create(**self.ask(ASKED["refuse"]))),
            "key": error_of(lambda: OpenAIChat(self.model, "sk-weir-unknown").whole()),
            "model": error_of(lambda: OpenAIChat("no-such-model").whole()),
        }

    def abort(self):
        with self.create.create(**self.ask(ASKED["endless"]), stream=True) as stream:
            for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    return chunk.choices[0].delta.content


class OpenAIResponses:
    def __init__(self, model, key=KEY):
        self.model = model
        self.api = openai.OpenAI(base_url=f"{URL}/v1", api_key=key, max_retries=0).responses

    def heard(self, response):
        usage = response.usage
        return {
            "text": response.output_text,
            "tokens": [usage.input_tokens, usage.output_tokens],
            "finish": response.status,
        }

    def whole(self):
        return self.heard(self.api.create(model=self.model, input=ASKED["hello"]))

    def stream(self):
        with self.api.stream(model=self.model, input=ASKED["hello"]) as stream:
            return self.heard(stream.get_final_response())

    tool = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}

    def tools(self):
        return self.round(self.api.create(model=self.model, input=ASKED["weather"], tools=[self.tool]))

    def streamed_tools(self):
        with self.api.stream(model=self.model, input=ASKED["weather"], tools=[self.tool]) as stream:
            return self.round(stream.get_final_response())

    def round(self, response):
        call = next(item for item in response.output if item.type == "function_call")
        output = {"type": "function_call_output", "call_id": call.call_id, "output": WEATHER}
        answer = self.api.create(
            model=self.model, previous_response_id=response.id, input=[output], tools=[self.tool]
        )
        return {"name": call.name, "input": json.loads(call.arguments), "answer": answer.output_text}

    def structured(self):
        return self.api.parse(model=self.model, input=ASKED["person"], text_format=Person).output_parsed.model_dump()

    def vision(self):
        content = [
            {"type": "input_text", "text": ASKED["picture"]},
            {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
        ]
        return self.api.create(model=self.model, input=[{"role": "user", "content": content}]).output_text

    def errors(self):
        return {
            "request": error_of(lambda: self.api.create(model=self.model, input=ASKED["refuse"])),
            "key": error_of(lambda: OpenAIResponses(self.model, "sk-weir-unknown").whole()),
            "model": error_of(lambda: OpenAIResponses("no-such-model").whole()),
        }

    def abort(self):
        with self.api.create(model=self.model, input=ASKED["endless"], stream=True) as stream:
            for event in stream:
                if event.type == "response.output_text.delta":
                    return event.delta


class Anthropic:
    def __init__(self, model, key=KEY):
        self.model = model
        self.api = anthropic.Anthropic(base_url=URL, api_key=key, auth_token=None, max_retries=0).messages

    def ask(self, content):
        return {"model": self.model, "max_tokens": 500, "messages": [{"role": "user", "content": content}]}

    def text(self, message):
        return "".join(block.text for block in message.content if block.type == "text")

    def heard(self, message):
        return {
            "text": self.text(message),
            "tokens": [message.usage.input_tokens, message.usage.output_tokens],
            "finish": message.stop_reason,
        }

    def whole(self):
        return self.heard(self.api.create(**self.ask(ASKED["hello"])))

    def stream(self):
        with self.api.stream(**self.ask(ASKED["hello"])) as stream:
            return self.heard(stream.get_final_message())

    tool = {"name": "weather", "description": "The weather", "input_schema": SCHEMA}

    def tools(self):
        return self.round(self.api.create(**self.ask(ASKED["weather"]), tools=[self.tool]))

    def streamed_tools(self):
        with self.api.stream(**self.ask(ASKED["weather"]), tools=[self.tool]) as stream:
            return self.round(stream.get_final_message())

    def round(self, message):
        call = next(block for block in message.content if block.type == "tool_use")
        question = self.ask(ASKED["weather"])
        result = {"type": "tool_result", "tool_use_id": call.id, "content": WEATHER}
        question["messages"] += [
            {"role": "assistant", "content": message.content},
            {"role": "user", "content": [result]},
        ]
        answer = self.api.create(**question, tools=[self.tool])
        return {"name": call.name, "input": call.input, "answer": self.text(answer)}

    def structured(self):
        return self.api.parse(**self.ask(ASKED["person"]), output_format=Person).parsed_output.model_dump()

    def vision(self):
        source = {"type": "base64", "media_type": "image/png", "data": PNG}
        content = [{"type": "image", "source": source}, {"type": "text", "text": ASKED["picture"]}]
        return self.text(self.api.create(**self.ask(content)))

    def errors(self):
        return {
            "request": error_of(lambda: self.api.create(**self.ask(ASKED["refuse"]))),
            "key": error_of(lambda: Anthropic(self.model, "sk-weir-unknown").whole()),
            "model": error_of(lambda: Anthropic("no-such-model").whole()),
        }

    def abort(self):
        with self.api.stream(**self.ask(ASKED["endless"])) as stream:
            for text in stream.text_stream:
                return text


class GenAI:
    def __init__(self, model, key=KEY):
        self.model = model
        options = genai_types.HttpOptions(base_url=URL)
        self.client = genai.Client(api_key=key, vertexai=False, http_options=options)
        self.api = self.client.models

    def heard(self, answers):
        usage = answers[-1].usage_metadata
        return {
            "text": "".join(answer.text or "" for answer in answers),
            "tokens": [usage.prompt_token_count, usage.candidates_token_count],
            "finish": answers[-1].candidates[0].finish_reason.value,
        }

    def whole(self):
        return self.heard([self.api.generate_content(model=self.model, contents=ASKED["hello"])])

    def stream(self):
        return self.heard(list(self.api.generate_content_stream(model=self.model, contents=ASKED["hello"])))

    config = {
        "tools": [
            {
                "function_declarations": [
                    {"name": "weather", "description": "The weather", "parameters_json_schema": SCHEMA}
                ]
            }
        ],
        "automatic_function_calling": {"disable": True},
    }

    def tools(self):
        answer = self.api.generate_content(model=self.model, contents=ASKED["weather"], config=self.config)
        return self.round(answer.candidates[0].content)

    def streamed_tools(self):
        stream = self.api.generate_content_stream(model=self.model, contents=ASKED["weather"], config=self.config)
        parts = [part for chunk in stream for part in (chunk.candidates[0].content.parts or [])]
        return self.round(genai_types.Content(role="model", parts=parts))

    def round(self, content):
        call = next(part.function_call for part in content.parts if part.function_call)
        result = genai_types.FunctionResponse(id=call.id, name=call.name, response={"output": WEATHER})
        answer = self.api.generate_content(
            model=self.model,
            contents=[
                genai_types.Content(role="user", parts=[genai_types.Part(text=ASKED["weather"])]),
                content,
                genai_types.Content(role="user", parts=[genai_types.Part(function_response=result)]),
            ],
            config=self.config,
        )
        return {"name": call.name, "input": call.args, "answer": answer.text}

    def structured(self):
        config = {"response_mime_type": "application/json", "response_schema": Person}
        answer = self.api.generate_content(model=self.model, contents=ASKED["person"], config=config)
        return answer.parsed.model_dump()

    def vision(self):
        picture = genai_types.Part.from_bytes(data=base64.b64decode(PNG), mime_type="image/png")
        return self.api.generate_content(model=self.model, contents=[picture, ASKED["picture"]]).text

    def errors(self):
        ask = lambda: self.api.generate_content(model=self.model, contents=ASKED["refuse"])
        assert issubclass(genai_errors.ClientError, genai_errors.APIError)
        return {
            "request": error_of(ask),
            "key": error_of(lambda: GenAI(self.model, "sk-weir-unknown").whole()),
            "model": error_of(lambda: GenAI("no-such-model").whole()),
        }

    def abort(self):
        stream = self.api.generate_content_stream(model=self.model, contents=ASKED["endless"])
        for chunk in stream:
            if chunk.text:
                stream.close()
                return chunk.text


CLIENTS = {
    "python_openai_chat": OpenAIChat,
    "python_openai_responses": OpenAIResponses,
    "python_anthropic": Anthropic,
    "python_genai": GenAI,
}
OPERATIONS = {
    "whole": "whole",
    "stream": "stream",
    "tools": "tools",
    "streamedTools": "streamed_tools",
    "structured": "structured",
    "vision": "vision",
    "errors": "errors",
    "abort": "abort",
}

for name, kind in CLIENTS.items():
    for wire in GIVEN["wires"]:
        client = kind(f"m-{wire}")
        for operation, method in OPERATIONS.items():
            cell = {"client": name, "wire": wire, "operation": operation, "result": None, "error": None}
            try:
                cell["result"] = getattr(client, method)()
            except Exception:  # a failed cell must not hide the others
                cell["error"] = traceback.format_exc(limit=-4)
            print(json.dumps(cell), flush=True)
