"""Pages of newspapers that do not exist: paragraphs of an article, and everything that can stand around them.

Every sentence of the surroundings names MARK, and no paragraph does; so one search tells whether foreign words came along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

MARK = "Zvezdara"
URL = "https://news.example/politics/4711.html"

PARAGRAPHS = {
    "en": (
        "Belarus named the priorities of its chairmanship on Thursday, the press service of the ministry reported.",
        "The secretary general said that the member states had agreed on the plan after two days of talks in Minsk.",
        "Experts expect the first meeting of the new council to take place in the spring, before the summer exercises.",
        "“We have listened to everybody at this table,” the minister told reporters, and promised a text within a month.",
        "Last year the council met four times, twice of them in public, and adopted eleven papers on trade and transit.",
    ),
    "ru": (
        "Белоруссия назвала приоритеты своего председательства в четверг, сообщила пресс-служба министерства.",
        "Генеральный секретарь заявил, что государства-члены согласовали план после двух дней переговоров в Минске.",
        "Эксперты ожидают, что первая встреча нового совета пройдёт весной, ещё до начала летних учений.",
        "«Мы выслушали всех за этим столом», — сказал министр журналистам и пообещал текст в течение месяца.",
        "В прошлом году совет собирался четыре раза, дважды открыто, и принял одиннадцать документов о торговле.",
    ),
    "be": (
        "Беларусь назвала прыярытэты свайго старшынства ў чацвер, паведаміла прэс-служба міністэрства.",
        "Генеральны сакратар заявіў, што дзяржавы-члены ўзгаднілі план пасля двух дзён перамоў у Мінску.",
        "Эксперты чакаюць, што першая сустрэча новага савета пройдзе вясной, яшчэ да пачатку летніх вучэнняў.",
        "«Мы выслухалі ўсіх за гэтым сталом», — сказаў міністр журналістам і паабяцаў тэкст на працягу месяца.",
        "Летась савет збіраўся чатыры разы, двойчы адкрыта, і прыняў адзінаццаць дакументаў аб гандлі.",
    ),
}
TITLES = {
    "en": "Priorities of the chairmanship named",
    "ru": "Названы приоритеты председательства",
    "be": "Названы прыярытэты старшынства",
}


@dataclass(frozen=True)
class Words:
    """What a site says around its articles, in one language; all of it names MARK, but for the labels."""

    headlines: tuple[str, ...]
    teasers: tuple[str, ...]
    also: str
    recommended: str
    latest: str
    subscribe: str
    cookies: str
    comments: str
    share: str
    caption: str
    tags: str
    home: tuple[str, ...]


WORDS = {
    "en": Words(
        (
            f"{MARK} peacekeepers hold exercises in the mountains of the south",
            f"Prices of heating oil fall in {MARK} for the third week in a row",
            f"{MARK} hockey team wins the final match of the winter cup",
            f"Museum of folk art opens a new exhibition in {MARK}",
            f"Farmers of {MARK} prepare for the spring sowing campaign",
            f"New railway timetable of {MARK} comes into force",
        ),
        (
            f"The leaders of {MARK} met on Monday and spoke about gas, grain and the price of bread for two hours.",
            f"A bus with forty passengers stopped in {MARK} at night; nobody was hurt, the police said on Tuesday.",
            f"The orchestra of {MARK} opens its season with three symphonies, and tickets were sold out in an hour.",
        ),
        "Read also:",
        "Recommended",
        "Latest news",
        f"Subscribe to our Telegram channel {MARK} News and be the first to know.",
        f"We use cookies on {MARK}.example to make this site work and to count its visitors. Accept all",
        "Comments (2)",
        f"Share this on {MARK}",
        f"Photo: archive of {MARK} Press",
        "Tags",
        (f"{MARK} home", "Politics", f"Abroad {MARK}"),
    ),
    "ru": Words(
        (
            f"Миротворцы {MARK} проводят учения в горах на юге страны",
            f"Цены на топливо в {MARK} снижаются третью неделю подряд",
            f"Хоккеисты {MARK} выиграли финальный матч зимнего кубка",
            f"Музей народного искусства открыл новую выставку в {MARK}",
            f"Аграрии {MARK} готовятся к весенней посевной кампании",
            f"Новое расписание поездов {MARK} вступает в силу",
        ),
        (
            f"Лидеры {MARK} встретились в понедельник и два часа говорили о газе, зерне и ценах на хлеб.",
            f"Автобус с сорока пассажирами ночью остановился в {MARK}; никто не пострадал, сообщила полиция.",
            f"Оркестр {MARK} открывает сезон тремя симфониями, билеты были распроданы за один час.",
        ),
        "Читайте также:",
        "Рекомендуем",
        "Последние новости",
        f"Подписывайтесь на наш канал {MARK} в Telegram, чтобы первыми узнавать новости.",
        f"Мы используем cookie на сайте {MARK}, чтобы он работал, и считаем посетителей. Принять все",
        "Комментарии (2)",
        f"Поделиться в {MARK}",
        f"Фото: архив {MARK} Пресс",
        "Теги",
        (f"Главная {MARK}", "Политика", f"Мир {MARK}"),
    ),
    "be": Words(
        (
            f"Міратворцы {MARK} праводзяць вучэнні ў гарах на поўдні краіны",
            f"Цэны на паліва ў {MARK} зніжаюцца трэці тыдзень запар",
            f"Хакеісты {MARK} выйгралі фінальны матч зімовага кубка",
            f"Музей народнага мастацтва адкрыў новую выставу ў {MARK}",
            f"Аграрыі {MARK} рыхтуюцца да веснавой пасяўной кампаніі",
            f"Новы расклад цягнікоў {MARK} уступае ў сілу",
        ),
        (
            f"Лідары {MARK} сустрэліся ў панядзелак і дзве гадзіны гаварылі пра газ, збожжа і цэны на хлеб.",
            f"Аўтобус з сарака пасажырамі ўначы спыніўся ў {MARK}; ніхто не пацярпеў, паведаміла паліцыя.",
            f"Аркестр {MARK} адкрывае сезон трыма сімфоніямі, квіткі былі распрададзены за гадзіну.",
        ),
        "Чытайце таксама:",
        "Рэкамендуем",
        "Апошнія навіны",
        f"Падпісвайцеся на наш канал {MARK} у Telegram, каб першымі даведвацца пра навіны.",
        f"Мы выкарыстоўваем cookie на сайце {MARK}, каб ён працаваў. Прыняць усе",
        "Каментарыі (2)",
        f"Падзяліцца ў {MARK}",
        f"Фота: архіў {MARK} Прэс",
        "Тэгі",
        (f"Галоўная {MARK}", "Палітыка", f"Свет {MARK}"),
    ),
}


def link(text: str, number: int = 0) -> str:
    """A link to another article."""
    return f'<a href="/n/{number}">{escape(text)}</a>'


Part = Callable[[Words], str]
"""Something that stands around or inside an article."""


def _each(words: Words, form: str) -> str:
    return "\n".join(form.format(link(text, n)) for n, text in enumerate(words.headlines))


def _cards(words: Words, form: str) -> str:
    return "\n".join(
        form.format(h=link(h), plain=escape(h), p=escape(p))
        for h, p in zip(words.headlines, words.teasers, strict=False)
    )


AROUND: dict[str, Part] = {
    "a menu": lambda w: f"<nav><ul>{_each(w, '<li>{}</li>')}</ul></nav>",
    "a list": lambda w: f"<div class='box7'><ul>{_each(w, '<li>{}</li>')}</ul></div>",
    "a labelled list": lambda w: f"<div><h3>{w.latest}</h3><ul>{_each(w, '<li>{}</li>')}</ul></div>",
    "a list with times": lambda w: f"<div>{_each(w, '<div><span>12:40</span> {}</div>')}</div>",
    "news as divs": lambda w: f"<div id='b2'>{_each(w, '<div>{}</div>')}</div>",
    "news as paragraphs": lambda w: f"<div>{_each(w, '<p>{}</p>')}</div>",
    "news as bare links": lambda w: f"<div>{_each(w, '{}<br>')}</div>",
    "news as a table": lambda w: f"<table>{_each(w, '<tr><td>12:40</td><td>{}</td></tr>')}</table>",
    "linked cards": lambda w: f"<div>{_cards(w, '<div class=c><h3>{h}</h3><p>{p}</p></div>')}</div>",
    "cards inside links": lambda w: f"<div>{_cards(w, '<a href=/1><div><h4>{plain}</h4><p>{p}</p></div></a>')}</div>",
    "cards as articles": lambda w: f"<div>{_cards(w, '<article><h3>{h}</h3><p>{p}</p></article>')}</div>",
    "labelled cards without links": lambda w: (
        f"<div><h2>{w.recommended}</h2>{_cards(w, '<div><h3>{plain}</h3><p>{p}</p></div>')}</div>"
    ),
    "cards without links": lambda w: f"<div>{_cards(w, '<div class=c><h3>{plain}</h3><p>{p}</p></div>')}</div>",
    "cards with a link to read on": lambda w: (
        f"<div>{_cards(w, '<div class=c><h3>{plain}</h3><p>{p}</p><a href=/1>more</a></div>')}</div>"
    ),
    "classed cards without links": lambda w: (
        f"<div class='news-teasers'>{_cards(w, '<div><h3>{plain}</h3><p>{p}</p></div>')}</div>"
    ),
    "full sentences recommended": lambda w: (
        f"<section><h3>{w.recommended}</h3>{''.join(f'<p>{t}</p>' for t in w.teasers)}</section>"
    ),
    "a subscribe line": lambda w: f"<div><p>{w.subscribe}</p></div>",
    "a cookie banner": lambda w: f"<div class='cookie-banner'><p>{w.cookies}</p><button>OK</button></div>",
    "a plain cookie line": lambda w: f"<div><p>{w.cookies}</p></div>",
    "comments": lambda w: (
        f"<div id='comments'><h3>{w.comments}</h3>{''.join(f'<div class=cm><b>Ann</b><p>{t}</p></div>' for t in w.teasers)}</div>"
    ),
    "unclassed comments": lambda w: (
        f"<div><h3>{w.comments}</h3>{''.join(f'<div><b>Ann</b><p>{t}</p></div>' for t in w.teasers)}</div>"
    ),
    "a tag cloud": lambda w: f"<div><h4>{w.tags}</h4>{_each(w, '{} ')}</div>",
    "share buttons": lambda w: f"<div class='share-buttons'><span>{w.share}</span></div>",
    "a ticker": lambda w: f"<div class='ticker'>{' • '.join(w.headlines)}</div>",
    "a marquee": lambda w: f"<marquee>{' '.join(w.teasers)}</marquee>",
    "breadcrumbs": lambda w: f"<div class='path'>{' » '.join(link(t) for t in w.home)}</div>",
    "plain breadcrumbs": lambda w: f"<p>{' › '.join(w.home)}</p>",
    "an aside": lambda w: f"<aside><h2>{w.latest}</h2>{''.join(f'<p>{t}</p>' for t in w.teasers)}</aside>",
    "a footer": lambda w: f"<footer><p>© {MARK} Media. {w.teasers[0]}</p></footer>",
    "a hidden box": lambda w: f"<div style='display: none'><p>{w.teasers[0]}</p></div>",
    "a dialog": lambda w: f"<div role='dialog'><p>{w.teasers[1]}</p></div>",
    "scripts": lambda w: f"<script>var t = '{w.teasers[0]}';</script><style>.{MARK} {{}}</style><!-- {MARK} -->",
    "a form": lambda w: f"<form><p>{w.teasers[2]}</p><input></form>",
}
INSIDE: dict[str, Part] = {
    "a read also line": lambda w: f"<p>{w.also} {link(w.headlines[0])}</p>",
    "a bold read also line": lambda w: f"<p><strong>{w.also} {link(w.headlines[0])}</strong></p>",
    "a read also line without link": lambda w: f"<p>{w.also} {w.headlines[1]}</p>",
    "a line that is a link": lambda w: f"<p>{link(w.headlines[2])}</p>",
    "a read also list": lambda w: f"<h4>{w.also}</h4><ul>{_each(w, '<li>{}</li>')}</ul>",
    "a subscribe line": lambda w: f"<p>{w.subscribe}</p>",
    "an italic subscribe line": lambda w: f"<p><em>{w.subscribe}</em></p>",
    "a caption": lambda w: f"<figure><img src='/1.jpg'><figcaption>{w.caption}. {w.teasers[0]}</figcaption></figure>",
    "a classed caption": lambda w: f"<div class='photo-caption'>{w.teasers[1]}</div>",
    "a photo line": lambda w: f"<p>{w.caption}</p>",
    "a box of related news": lambda w: (
        f"<div class='related'><b>{w.recommended}</b><div>{link(w.headlines[3])}</div><p>{w.teasers[0]}</p></div>"
    ),
    "share links": lambda w: f"<div>{link(w.share)} {link(w.share + ' 2')}</div>",
    "a linked card": lambda w: f"<div><h3>{link(w.headlines[1])}</h3><p>{w.teasers[1]}</p></div>",
    "a quotation that is a link": lambda w: f"<blockquote>{link(w.headlines[4])}</blockquote>",
}
"""What stands between the paragraphs of an article."""

END: dict[str, Part] = INSIDE | {
    name: AROUND[name]
    for name in (
        "a list", "a labelled list", "news as divs", "news as paragraphs", "news as bare links", "news as a table",
        "linked cards", "cards inside links", "labelled cards without links", "full sentences recommended", "comments",
        "unclassed comments", "a tag cloud", "share buttons",
    )
}  # fmt: skip
"""What stands inside the article's element, behind its last paragraph."""


def _body(lines: Sequence[str]) -> str:
    return "\n".join(lines)


SKELETONS: dict[str, str] = {
    "a div": "<div class='c1'><h1>{title}</h1><div class='date'>2 February 2023, 14:50</div>{text}</div>",
    "an article": "<article><h1>{title}</h1><time>14:50</time>{text}</article>",
    "an article in main": "<main><article class='post'><header><h1>{title}</h1></header><div class='entry'>{text}</div></article></main>",
    "an article body": "<h1>{title}</h1><div itemprop='articleBody'>{text}</div>",
    "main": "<main><h1>{title}</h1><div>{text}</div></main>",
    "a heading apart": "<div class='head'><h1>{title}</h1></div><div class='txt'>{text}</div>",
    "a table for layout": "<table><tr><td><h1>{title}</h1>{text}</td></tr></table>",
    "a form around all": "<form id='aspnetForm'><div><h1>{title}</h1>{text}</div></form>",
    "no first heading": "<div class='c1'><div class='name'>{title}</div>{text}</div>",
    "a second heading": "<div class='c1'><h2>{title}</h2>{text}</div>",
    "a class of builders": "<div class='widget'><h1>{title}</h1></div><div class='widget-content widget'>{text}</div>",
}


def page(
    language: str,
    paragraphs: Sequence[str],
    *,
    skeleton: str = "a div",
    before: Sequence[str] = (),
    after: Sequence[str] = (),
    between: Sequence[str] = (),
    end: Sequence[str] = (),
    head: str = "",
) -> str:
    """A page: names of AROUND before and after the article, of INSIDE after its first paragraph, of END behind its last."""
    words = WORDS[language]
    first, *rest = [f"<p>{escape(p)}</p>" for p in paragraphs]
    text = _body([first, *(INSIDE[n](words) for n in between), *rest, *(END[n](words) for n in end)])
    article = SKELETONS[skeleton].format(title=escape(TITLES[language]), text=text)
    around = [[AROUND[n](words) for n in names] for names in (before, after)]
    return (
        f"<!doctype html><html lang='{language}'><head><meta charset='utf-8'><title>{TITLES[language]} | {MARK}</title>{head}</head>"
        f"<body>{_body(around[0])}{article}{_body(around[1])}</body></html>"
    )
