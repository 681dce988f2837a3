"""A task with a shell, by an agent of LlamaIndex for Python: `agent_llamaindex.py <client> <prompt>`."""

import asyncio
import os
import subprocess
import sys

from llama_index.core.agent.workflow import FunctionAgent

URL, KEY, MODEL = (os.environ[name] for name in ("WEIR_URL", "WEIR_KEY", "WEIR_MODEL"))


def bash(command: str, description: str = "") -> str:
    """Runs a command in the shell and gives its output."""
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout


def client(name):
    if name == "openai":
        from llama_index.llms.openai_like import OpenAILike

        return OpenAILike(
            model=MODEL,
            api_base=f"{URL}/v1",
            api_key=KEY,
            is_chat_model=True,
            is_function_calling_model=True,
            max_retries=0,
        )
    from llama_index.llms.anthropic import Anthropic

    return Anthropic(
        model="claude-sonnet-4-5",
        base_url=URL,
        api_key=KEY,
        max_tokens=4096,
        temperature=1.0,
        thinking_dict={"type": "enabled", "budget_tokens": 1024},
        max_retries=0,
    )


async def main(name, prompt):
    agent = FunctionAgent(tools=[bash], llm=client(name), system_prompt="You write notes.")
    print(str(await agent.run(prompt)))


asyncio.run(main(*sys.argv[1:]))
