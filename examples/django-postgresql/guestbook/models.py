"""What the database holds."""

from django.db import models


class Entry(models.Model):
    name = models.CharField(max_length=100)
    text = models.TextField()
    written = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"{self.name}: {self.text}"
