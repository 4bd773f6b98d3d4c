"""Settings of hosts, HTTPS, cookies and what a page may load."""

import re

from csp.constants import NONE, SELF

from ragsite.configuration.environment import (
    env,
    env_bool,
    env_hosts,
    env_int,
    env_list,
    env_url_prefix,
    required,
)

DEBUG = env_bool("DEBUG", False)
SECRET_KEY = required("SECRET_KEY", env("SECRET_KEY"), ". Run bin/dev, or set it to a long random string.")
SECRET_KEY_FALLBACKS = env_list(
    "SECRET_KEY_FALLBACKS"
)  # former keys, which still read what they signed or encrypted
LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env_hosts("ALLOWED_HOSTS", ",".join(LOCAL_HOSTS))
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS") or [
    f"https://{'*' + host if host.startswith('.') else host}"
    for host in ALLOWED_HOSTS
    if host != "*" and host not in LOCAL_HOSTS
]
IS_LOCAL = set(ALLOWED_HOSTS) <= set(LOCAL_HOSTS)
# A site with a public host name never uses plain HTTP.
HTTPS = env_bool("HTTPS", not IS_LOCAL and "*" not in ALLOWED_HOSTS)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_SSL_REDIRECT = HTTPS
# The path under which a proxy serves the site. It is never read from a header, which visitors could forge.
URL_PREFIX = env_url_prefix("URL_PREFIX")
FORCE_SCRIPT_NAME = URL_PREFIX or None
# Platforms send health checks over plain HTTP.
SECURE_REDIRECT_EXEMPT = [
    f"^{re.escape(f'{URL_PREFIX}/{name}'.strip('/'))}$" for name in ("healthz", "readyz")
]
HSTS_SECONDS = env_int("HSTS_SECONDS", 31_536_000, 0, 315_360_000)  # at most ten years
SECURE_HSTS_SECONDS = HSTS_SECONDS if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
# Browsers send the cookies to the site's own path only. Messages live in the session and need no cookie.
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = LANGUAGE_COOKIE_PATH = f"{URL_PREFIX}/"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
# Cookies ignore ports: with Django's default names, two sites on one machine would sign each other out.
SESSION_ENGINE = "ragsite.accounts.sessions"
SESSION_COOKIE_NAME = "ragsite_session"
CSRF_COOKIE_NAME = "ragsite_csrf"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
    "EXCLUDE_URL_PREFIXES": ["/admin/django_rq/"],  # the RQ dashboard uses an inline script
}
