"""A task with a shell, by LangChain's own client for Python: `agent_langchain.py <client> <prompt>`."""

import os
import subprocess
import sys

from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool

URL, KEY, MODEL = (os.environ[name] for name in ("WEIR_URL", "WEIR_KEY", "WEIR_MODEL"))


@tool
def bash(command: str) -> str:
    """Runs a command in the shell and gives its output."""
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout


def client(name):
    if name == "openai":
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(model=MODEL, base_url=f"{URL}/v1", api_key=KEY, max_retries=0, stream_usage=True)
    if name == "responses":
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(
            model=MODEL,
            base_url=f"{URL}/v1",
            api_key=KEY,
            max_retries=0,
            use_responses_api=True,
            store=False,
            include=["reasoning.encrypted_content"],
            reasoning={"effort": "low", "summary": "auto"},
            output_version="responses/v1",
        )
    if name == "anthropic":
        from langchain_anthropic import ChatAnthropic

        return ChatAnthropic(
            model=MODEL,
            base_url=URL,
            api_key=KEY,
            max_retries=0,
            max_tokens=4096,
            thinking={"type": "enabled", "budget_tokens": 1024},
        )
    from langchain_google_genai import ChatGoogleGenerativeAI

    return ChatGoogleGenerativeAI(model=MODEL, base_url=URL, api_key=KEY, max_retries=0)


def ask(model, messages):
    answer = None
    for chunk in model.stream(messages):
        answer = chunk if answer is None else answer + chunk
    return answer


def main(name, prompt):
    model = client(name).bind_tools([bash])
    system = [{"type": "text", "text": "You write notes."}]
    if name == "anthropic":
        system[0]["cache_control"] = {"type": "ephemeral"}
    messages = [SystemMessage(system if name == "anthropic" else "You write notes."), HumanMessage(prompt)]
    answer = ask(model, messages)
    while answer.tool_calls:
        messages.append(answer)
        for call in answer.tool_calls:
            messages.append(ToolMessage(bash.invoke(call["args"]), tool_call_id=call["id"]))
        answer = ask(model, messages)
    print(answer.text if isinstance(answer.text, str) else answer.text())


main(*sys.argv[1:])
