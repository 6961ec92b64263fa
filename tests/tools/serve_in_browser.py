"""Talks with `ethreed serve` in a browser, by keyboard alone: a post, its reply, what is behind its words, steering,
another model, small and dark screens. Skipped (status 77) where Chromium is absent.

usage: serve_in_browser.py ETHREED SOURCE_DIR [PICTURES_DIR]
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

from chromium import Browser

TAB, ENTER, RIGHT, END = ("Tab", 9), ("Enter", 13), ("ArrowRight", 39), ("End", 35)


def check(condition, what):
    if not condition:
        raise SystemExit(f"serve_in_browser.py: {what}")


def train(ethreed, samples, folder):
    """A tracker, and a model that tracks nothing and looks at nothing."""
    def run(*arguments):
        subprocess.run([ethreed, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)

    with open(os.path.join(folder, "small.json"), "w") as file:
        file.write('{"model": {"encoder": 8, "global_state": 8, "party_state": 8, "emotion_state": 8,'
                   ' "content_state": 8, "decoder_state": 32, "bottleneck": 16}, "training": {"learning_rate": 0.02}}')
    with open(os.path.join(folder, "hred.json"), "w") as file:
        file.write('{"model": {"encoder": 8, "context_state": 8, "decoder_state": 8}}')
    run("prepare", os.path.join(samples, "corpus"), "--labels", os.path.join(samples, "corpus", "labels.csv"),
        "--dimension", "16", "--out", "data")
    run("train", "--data", "data", "--out", "tracker", "--config", "small.json", "--batch", "16",
        "--epochs", "2", "--quiet")
    run("train", "--data", "data", "--out", "plain", "--model", "hred", "--config", "hred.json", "--batch", "32",
        "--epochs", "1", "--quiet")


def contrast(page, selector):
    """Of the text of an element with what is behind it, as WCAG has it."""
    return page.value("""(() => {
      const shade = (text) => {
        const [r, g, b] = text.match(/[\\d.]+/g).map(Number)
          .map((v) => v / 255).map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b;
      };
      const of = document.querySelector(%r);
      let behind = of;
      while (/rgba\\(.*, 0\\)/.test(getComputedStyle(behind).backgroundColor) && behind.parentElement) behind = behind.parentElement;
      const [a, b] = [shade(getComputedStyle(of).color), shade(getComputedStyle(behind).backgroundColor)];
      return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    })()""" % selector)


def talk(page, url, pictures):
    picture = (lambda name: page.picture(os.path.join(pictures, name))) if pictures else (lambda name: None)
    page.look(1280, 900)
    page.open(url)
    page.wait("document.documentElement.dataset.ready === 'yes'")
    check(page.value("document.activeElement.id") == "post", "the text field has no focus at the start")
    check("no counsellor" in page.value("document.getElementById('what').textContent"), "the page does not say what it is")
    page.type("My dog Zorblax ran away and I am so sad.")
    page.key(*ENTER)
    page.wait("document.querySelectorAll('.turn').length === 1")
    check(page.value("document.querySelector('.said.model .text').textContent.length > 0"), "there is no reply")
    check(page.value("document.querySelectorAll('.turn .bars li').length") == 10, "there are no bars of both emotions")

    # Words appear as they come, unheard; the finished turn is announced, once.
    page.value("""(() => {
      window.came = {words: [], shown: 0, turns: 0};
      const show = window.show_coming;
      window.show_coming = (post, reply) => {
        show(post, reply);
        window.came.words.push(reply);
        if (document.getElementById('coming-reply').checkVisibility()) ++window.came.shown;
      };
      new MutationObserver((all) => { window.came.turns += all.reduce((sum, one) => sum + one.addedNodes.length, 0); })
        .observe(document.getElementById('turns'), {childList: true});
    })()""")
    page.type("I looked for it in the park all day!")
    page.key(*ENTER)
    page.wait("document.querySelectorAll('.turn').length === 2")
    came = page.value("window.came")
    check(len(set(came["words"])) > 2 and came["shown"] > 0, f"the words did not come one by one: {came}")
    check(came["words"][-1] == page.value("document.querySelector('.turn:last-child .model .text').textContent"),
          f"the words that came are not the reply: {came}")
    check(page.value("document.getElementById('coming').getAttribute('aria-hidden')") == "true", "words are read aloud")
    check(came["turns"] == 1 and page.value("document.getElementById('coming').hidden"), "the turn was not added once")
    check(page.value("document.querySelectorAll('#line circle').length") == 8, "the line has not four classes in two turns")

    # Stopped: nothing is added, what was typed stays.
    page.type("and then")
    page.value("(() => { document.getElementById('send').click(); document.getElementById('stop').click(); })()")
    page.wait("document.getElementById('state').textContent === 'Stopped.'")
    check(page.value("document.querySelectorAll('.turn').length") == 2, "a reply that was stopped is there")
    check(page.value("document.getElementById('post').value") == "and then", "what was typed is gone")
    check(page.value("document.getElementById('stop').hidden"), "there is nothing to stop, and yet a button for it")
    page.value("(() => { document.getElementById('post').value = ''; })()")

    # Behind the words, by keyboard: open the last reply's, go along its words.
    page.value("[...document.querySelectorAll('.behind')].pop().querySelector('summary').focus()")
    page.key(*ENTER)
    page.key(*TAB)
    check(page.value("document.activeElement.closest('.words') !== null"), "the tabulator does not reach the words")
    page.key(*RIGHT)
    check(page.value("[...document.activeElement.parentElement.children].indexOf(document.activeElement)") == 1,
          "the arrow does not go to the next word")
    looked = page.value("[...document.querySelectorAll('.looked')].pop().textContent")
    check(re.search(r"(copied|generated).*Looked at", looked), f"nothing is said of the word: {looked}")
    shades = page.value("[...[...document.querySelectorAll('.source')].pop().children]"
                        ".map((word) => Number(word.style.getPropertyValue('--look')))")
    check(abs(sum(shades) - 1) < 1e-3, f"the attention that is shown sums to {sum(shades)}")
    page.key(*END)
    covered = page.value("[...[...document.querySelectorAll('.source')].pop().children]"
                         ".some((word) => Number(word.style.getPropertyValue('--cover-share')) > 0)")
    check(covered, "the last word shows no coverage")
    picture("words.png")

    # Another emotion beside it, and going on with that one.
    page.value("(() => { const e = document.getElementById('emotion'); e.value = 'joyful'; })()")
    page.value("document.querySelector('.turn:last-child .compare button').focus()")
    page.key(*ENTER)
    page.wait("document.querySelectorAll('.turn:last-child .said.model').length === 2")
    check("as joyful" in page.value("document.querySelector('.turn:last-child').textContent"), "the emotion is not named")
    page.value("[...document.querySelectorAll('button')].find((b) => b.textContent.startsWith('Go on')).click()")
    check(page.value("document.querySelector('.turn:last-child .used .who').textContent").startswith("model, as joyful"),
          "the other reply is not the one to go on with")
    picture("wide.png")
    page.look(1280, 900, dark=True)
    for selector in ("#what", ".who", ".text", ".notes, .looked", "#send", ".bars li", "#about"):
        check(contrast(page, selector) >= 4.5, f"dark: the contrast of {selector} is {contrast(page, selector):.2f}")
    picture("dark.png")
    page.look(390, 844, phone=True)
    for selector in ("#what", ".who", ".text", "#send", ".bars li", "#about"):
        check(contrast(page, selector) >= 4.5, f"light: the contrast of {selector} is {contrast(page, selector):.2f}")
    check(page.value("document.documentElement.scrollWidth <= window.innerWidth"), "the page is wider than a phone")
    picture("phone.png")

    # A model without emotions, a policy or a pointer, for somebody who wants no motion.
    page.look(1280, 900, still=True)
    page.value("(() => { window.came.shown = 0; window.came.words = []; })()")
    page.value("(() => { const m = document.getElementById('model'); m.value = 'plain';"
               " m.dispatchEvent(new Event('change')); document.getElementById('post').focus(); })()")
    check("tracks no emotions" in page.value("document.getElementById('about').textContent"), "what it lacks is not said")
    check(page.value("document.getElementById('emotion').disabled"), "a model without a policy can be steered")
    page.type("<b>hello</b> you")
    page.key(*ENTER)
    page.wait("document.querySelectorAll('.turn').length === 3")
    came = page.value("window.came")
    check(came["words"] and came["shown"] == 0, f"words move before somebody who wants no motion: {came}")
    check(page.value("document.querySelectorAll('.turn:last-child .words').length") == 0, "words without a pointer")
    check(page.value("document.querySelector('.turn:last-child .you').textContent") == "you<b>hello</b> you", "HTML in a post")
    unnamed = page.value("[...document.querySelectorAll('input, select, textarea')]"
                         ".filter((e) => e.labels.length === 0 && !e.hidden).map((e) => e.id).join()")
    check(unnamed == "", f"fields without a label: {unnamed}")
    check(page.value("document.getElementById('errors').hidden"), "the page shows an error")
    check(page.errors == [], f"errors in the console: {page.errors}")

    # A broken script does not go unseen by these eyes.
    page.value("setTimeout(() => no_such_name(), 0)")
    page.wait("!document.getElementById('errors').hidden")
    check(any("no_such_name" in error for error in page.errors), "an error of the script goes unseen")


def give_token(page, url, token):
    """Where the server wants a token, the page asks for it and goes on."""
    page.open(url)
    page.wait("document.getElementById('token') && !document.getElementById('token').hidden")
    check(page.value("document.activeElement.id") == "secret", "the field for the token has no focus")
    page.type("not-the-token-at-all")
    page.key(*ENTER)
    page.wait("document.getElementById('token') && !document.getElementById('token').hidden"
              " && document.getElementById('secret').value === ''")
    page.type(token)
    page.key(*ENTER)
    page.wait("document.documentElement.dataset.ready === 'yes'")
    page.type("hello")
    page.key(*ENTER)
    page.wait("document.querySelectorAll('.turn').length === 1")


class Server:
    """`ethreed serve` at a free port."""

    def __init__(self, ethreed, folder, *runs, **environment):
        self._process = subprocess.Popen([ethreed, "serve", *runs, "--port", "0", "--quiet"], cwd=folder, text=True,
                                         stdout=subprocess.PIPE, env={**os.environ, **environment})

    def __enter__(self):
        return re.search(r"http://\S+", self._process.stdout.readline()).group()

    def __exit__(self, *_):
        self._process.terminate()
        check(self._process.wait(60) == 0, "the server did not end well")
        self._process.stdout.close()


def main():
    if len(sys.argv) not in (3, 4):
        print(__doc__, file=sys.stderr)
        return 2
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        print("skipped: there is no chromium (Debian's package chromium)")
        return 77
    ethreed, samples = os.path.realpath(sys.argv[1]), os.path.join(os.path.realpath(sys.argv[2]), "samples")
    pictures = os.path.realpath(sys.argv[3]) if len(sys.argv) == 4 else None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        train(ethreed, samples, folder)
        with Browser(program, os.path.join(folder, "profile")) as page:
            with Server(ethreed, folder, "tracker", "plain") as url:
                talk(page, url, pictures)
            token = "a-token-of-this-test"
            with Server(ethreed, folder, "plain", ETHREED_TOKEN=token) as url:
                give_token(page, url, token)
    print("two models talked with by keyboard, no error in the console")
    return 0


if __name__ == "__main__":
    sys.exit(main())
