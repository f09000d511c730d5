"""What the service answers."""

import json

from django.db import connection
from django.http import JsonResponse
from django.views.decorators.http import require_http_methods

from guestbook.models import Entry


@require_http_methods(["GET", "POST"])
def entries(request):
    if request.method == "POST":
        asked = json.loads(request.body)
        Entry.objects.create(name=asked["name"], text=asked["text"])
    found = Entry.objects.order_by("id").values("name", "text")
    return JsonResponse({"database": connection.vendor, "entries": list(found)})


def healthy(_request):
    connection.ensure_connection()
    return JsonResponse({"database": connection.vendor})
