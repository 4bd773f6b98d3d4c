"""Static files for the tests' two clients."""

from asgiref.sync import iscoroutinefunction
from django.utils.decorators import sync_and_async_middleware
from servestatic.middleware import ServeStaticMiddleware


@sync_and_async_middleware
def serve_static(get_response):
    """ServeStatic as on the site. It needs an event loop: synchronous requests, which ask for pages, go without both."""
    return ServeStaticMiddleware(get_response) if iscoroutinefunction(get_response) else get_response
