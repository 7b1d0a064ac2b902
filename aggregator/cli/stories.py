"""`aggregator stories ...`."""

from __future__ import annotations

import click

from aggregator.app import App
from aggregator.cli import output
from aggregator.cli.context import ROW, Context, Group, json_option, moment, pass_context, talk
from aggregator.errors import UsageError
from aggregator.feeds import pace
from aggregator.model import Entry, Story

_REASONS = {
    "first": "founded the story",
    "url": "the same address",
    "title": "the same headline",
    "text": "the same text",
    "merged": "merged by hand",
    "split": "split off by hand",
}


@click.group("stories", cls=Group, invoke_without_command=True)
@click.option("--since", default="", metavar="WHEN", help="First seen since: 2023-02-02 or an age such as 7d.")
@json_option
@click.pass_context
def command(ctx: click.Context, since: str, as_json: bool) -> None:
    """Entries of several feeds that tell the same news.

    Example: aggregator stories --since 1d
    """
    if ctx.invoked_subcommand is not None:
        if since or as_json:
            raise UsageError(f"options of `stories {ctx.invoked_subcommand}` stand behind it")
        return
    context = ctx.find_object(Context)
    assert context is not None
    with context.app(reads=True) as app:
        start = moment(since, app.clock.now()) if since else None
        for story in app.stores.stories.list(start):
            if as_json:
                output.line(output.story(story))
                continue
            more = f"  (+ {output.many(story.outlets - 1, 'outlet')})" if story.outlets > 1 else ""
            title = output.fit(story.title, 90)
            click.echo(f"{story.id:>7}  {output.short(story.first_seen_at)}  {title}{more}")


@command.command("show")
@click.argument("story_id", metavar="STORY", type=ROW)
@json_option
@pass_context
def show(context: Context, story_id: int, as_json: bool) -> None:
    """One story: who was first, how long after it the others came, and why each belongs to it.

    Example: aggregator stories show 12
    """
    with context.app(reads=True) as app:
        story = _story(app, story_id)
    # By the time that each outlet gives, which is what makes it first.
    entries = sorted(story.entries, key=lambda e: (e.sort_at, e.id))
    first = entries[0]
    if as_json:
        output.line(output.story(story) | {"entries": [output.member(entry, first) for entry in entries]})
        return
    click.echo(f"story {story.id}: {output.fit(story.title, 200)}")
    click.echo(f"first seen {output.short(story.first_seen_at)} UTC; {_counts(story)}\n")
    lines = []
    for entry in entries:
        lag = "first" if entry is first else f"+ {pace.spell(entry.sort_at - first.sort_at)}"
        told = "" if entry.title == story.title else entry.title
        lines.append((lag, output.short(entry.sort_at), entry.feed_title, str(entry.id), _reason(entry), told))
    output.table(lines, limits=(12, 20, 24, 10, 40, 60))


@command.command("merge")
@click.argument("story_id", metavar="STORY", type=ROW)
@click.argument("others", metavar="OTHER...", type=ROW, nargs=-1, required=True)
@pass_context
def merge(context: Context, story_id: int, others: tuple[int, ...]) -> None:
    """Make OTHER stories part of STORY, and every copy of them that comes later.

    Their ids mean STORY from then on. `stories split` takes it back.

    Example: aggregator stories merge 12 15
    """
    with context.app() as app:
        wanted = _story(app, story_id)
        found = {_story(app, other).id for other in others}
        if wanted.id in found or len(found) < len(others):
            raise UsageError(f"story {story_id} and the others must be different stories")
        if not app.stores.stories.merge(wanted.id, found, app.clock.now()):
            raise UsageError("one of these stories has changed meanwhile; try again")
        merged = _story(app, wanted.id)
    click.echo(f"story {merged.id}: {output.fit(merged.title, 200)}")
    talk(_counts(merged))


@command.command("split")
@click.argument("story_id", metavar="STORY", type=ROW)
@click.argument("entry_ids", metavar="ENTRY...", type=ROW, nargs=-1, required=True)
@pass_context
def split(context: Context, story_id: int, entry_ids: tuple[int, ...]) -> None:
    """Give entries of STORY a story of their own, and every copy of them that comes later.

    What has been told stays told; the new story is told when another outlet brings it. The entry that founded STORY stays.

    Example: aggregator stories split 12 1043 1051
    """
    with context.app() as app:
        story = _story(app, story_id)
        members = [entry.id for entry in story.entries]
        strange = [entry_id for entry_id in entry_ids if entry_id not in members]
        if strange:
            raise UsageError(
                f"entry {strange[0]} is not in story {story.id}; `aggregator stories show {story.id}` lists it"
            )
        founder = app.stores.stories.founder(story.id)
        if founder in entry_ids:
            raise UsageError(f"entry {founder} founded story {story.id} and stays; split the others off")
        new_id = app.stores.stories.split(story.id, entry_ids)
        if not new_id:
            raise UsageError(f"story {story.id} has changed meanwhile; try again")
        made = _story(app, new_id)
    click.echo(f"story {made.id}: {output.fit(made.title, 200)}")
    talk(_counts(made))


def _story(app: App, story_id: int) -> Story:
    story = app.stores.stories.get(story_id)
    if story is None:
        raise UsageError(f"no story {story_id}; `aggregator stories` lists them")
    return story


def _counts(story: Story) -> str:
    return f"{output.many(len(story.entries), 'entry', 'entries')} of {output.many(story.outlets, 'outlet')}"


def _reason(entry: Entry) -> str:
    reason = _REASONS.get(entry.story_reason, entry.story_reason)
    if entry.story_reason == "title":
        return f"{reason}, {entry.story_score:.0%} of the text"
    return f"{reason}, {entry.story_score:.0%} of it" if entry.story_reason == "text" else reason
