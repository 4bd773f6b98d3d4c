"""Settings of folders. Importing it loads `.env`: before all settings that read a variable."""

from pathlib import Path

from ragsite import embedded
from ragsite.configuration.environment import env, read_env_file

BASE_DIR = Path(__file__).resolve().parents[2]
# The doctor reports it. A site whose variables are all in the environment needs no file.
ENV_FILE_PROBLEM = read_env_file(BASE_DIR / ".env")
VAR_DIR = Path(env("RAGSITE_VAR", str(BASE_DIR / "var"))).expanduser().resolve()
EMBEDDED_URLS = embedded.known_urls(VAR_DIR)
