"""Where what is answered."""

from django.urls import path

from guestbook import views

urlpatterns = [path("", views.entries), path("healthy", views.healthy)]
