# SPDX-License-Identifier: Apache-2.0
"""Asks a judge about a bundle, by its command line. Starting programs takes many times as long as
judging, so main() of scripts/verify-bundle is asked in processes that stay, and there openssl is asked
each question once. Its command line is asked, too, the first times of each exit status and number of
arguments and one time in so many, and must answer the same; with EFFACE_LONG=1 always."""
import collections
import concurrent.futures
import contextlib
import hashlib
import importlib.util
import io
import multiprocessing
import os
import re
import subprocess
import threading

from tamper.stock import SOURCE, stock

SCRIPT = SOURCE / 'scripts/verify-bundle'
WORKERS = 2
FIRST, ONE_IN = 2, 1 if os.environ.get('EFFACE_LONG') else 96
# Each thread of openssl tells its number before an error.
THREAD = re.compile('[0-9A-F]+:error:')


def once(run):
    """run(command, ...) of openssl: nothing but the words, the files' content and what it is given
    decides about its answer, as every question names the time, or none."""
    answers = {}

    def content(word):
        if not os.path.isfile(word):
            return word
        with open(word, 'rb') as file:
            return hashlib.sha256(file.read()).digest()

    def run_once(command, **options):
        question = (*map(content, command), options.get('input'))
        if question not in answers:
            answers[question] = run(command, **options)
        return answers[question]
    return run_once


def load_main():
    """Into one of the processes that stay."""
    stock('common')  # where its modules lie
    spec = importlib.util.spec_from_file_location('verify_bundle_main',
                                                  SOURCE / 'scripts/verify_bundle/__main__.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    judge_here.main = module.main
    subprocess.run = once(subprocess.run)


def judge_here(command):
    """In one of these processes, as main() changes its folder and prints."""
    output, errors = io.StringIO(), io.StringIO()
    os.chdir('/')
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        status = judge_here.main(command[1:])
    return subprocess.CompletedProcess(command, status, output.getvalue(), errors.getvalue())


def start(command):
    return subprocess.run(command, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL)


def said_by(answer):
    return answer.returncode, THREAD.sub('', answer.stdout), answer.stderr


class Judges:
    """Of use by several threads; asked first before there are any, as its processes are forked."""

    def __init__(self):
        self.pool = concurrent.futures.ProcessPoolExecutor(
            WORKERS, multiprocessing.get_context('fork'), load_main)
        self.lock, self.asked, self.kinds = threading.Lock(), 0, collections.Counter()

    def is_started_too(self, kind):
        with self.lock:
            self.asked += 1
            self.kinds[kind] += 1
            return self.kinds[kind] <= FIRST or self.asked % ONE_IN == 0

    def ask(self, command):
        command = [str(part) for part in command]
        if command[0] != str(SCRIPT):
            return start(command)
        answer = self.pool.submit(judge_here, command).result()
        if self.is_started_too((answer.returncode, len(command))):
            started = start(command)
            assert said_by(started) == said_by(answer), f'{started} by its command line, {answer} here'
        return answer


ask = Judges().ask
