"""Settings: the database is where the environment says, since it is another one in each account."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
# An application that has sessions would read this from a secret of the service.
SECRET_KEY = os.environ.get("SECRET_KEY", "for-an-example-without-sessions")
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["guestbook"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "guestbook.urls"
WSGI_APPLICATION = "guestbook.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
if os.environ.get("DATABASE_HOST", "") == "":
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "guestbook.sqlite3"}}
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": os.environ["DATABASE_HOST"],
            "PORT": os.environ.get("DATABASE_PORT", "5432"),
            "NAME": os.environ.get("DATABASE_NAME", "postgres"),
            "USER": os.environ.get("DATABASE_USER", "postgres"),
            "PASSWORD": os.environ.get("DATABASE_PASSWORD", ""),
            "OPTIONS": {"connect_timeout": 5},
        }
    }
