"""What is built beside the Python: pyproject.toml has all else, but for this only on trial."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        # what the media thread runs in the place of Python; without a compiler it goes on in
        # Python, slower
        Extension(
            "sipagent.legs._rings",
            ["sipagent/legs/rings.c"],
            extra_compile_args=["-std=gnu11", "-pthread"],
            optional=True,
        )
    ]
)
