"""Runs the web server in place of this process, so that it receives the signals of the container."""
import os


def run(settings):
    # One process: Tryton's modules take some 200 MB each time they are loaded, and a Puskesmas is scaled by replicas.
    os.execvp('gunicorn', [
        'gunicorn', 'rme.wsgi:application',
        '--bind', '0.0.0.0:8000',
        '--worker-class', 'gthread',
        '--workers', '1',
        '--threads', str(settings.threads),
        # Loading all modules takes longer than gunicorn's patience of 30 s where the CPU is short.
        '--timeout', '300',
        '--graceful-timeout', '30',
        '--worker-tmp-dir', '/tmp',
        '--no-control-socket',
    ])
