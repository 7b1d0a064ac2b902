"""Lines and labels by which pages speak of themselves, in English, Russian and Belarusian: read also, subscribe, cookies."""

from __future__ import annotations

import re

LONGEST = 240
"""Characters; what is longer is a paragraph that begins like a call."""
_LABELS = (
    (
        r"related(?: (?:news|articles|stories|topics|posts|content))?|read (?:also|more|next|on)|see also|also read|more (?:news|stories|on this.*|from .*|articles|"
        r"headlines)|(?:the )?latest(?: news| stories)?|recent (?:news|posts|articles|stories)|most (?:read|popular|viewed)|popular(?: news| now)?|"
        r"recommended(?: (?:for you|reading|stories))?|you (?:may|might) (?:also )?(?:like|be interested in)|trending(?: now)?|comments?|leave a (?:comment|reply)|"
        r"tags|share(?: (?:this|on).*)?|subscribe|newsletter|editors?['’]?s? (?:choice|picks?)|(?:in )?other news|advertisement|sponsored|follow us|"
        r"news ?(?:feed|line)|top (?:news|stories)|read next|don['’]t miss|what to read next"
    ),
    (
        r"(?:читайте|смотрите|читать) (?:также|ещ[её]|далее)|также по теме|(?:новости |материалы |статьи )?по теме|(?:похожие|другие|ещ[её]|последние|главные|"
        r"свежие|популярные|связанные|важные) (?:новости|материалы|статьи|публикации)|лента(?: новостей)?|главное|популярное|самое (?:читаемое|популярное)|"
        r"рекомендуем(?: .*)?|рекомендации|комментарии|теги|метки|поделиться(?: .*)?|реклама|сейчас читают|новости партн[её]ров|выбор редакции|"
        r"вам (?:может быть интересно|понравится)|не пропустите|топ новостей|подписка|ещ[её] по теме"
    ),
    (
        r"(?:чытайце|глядзіце|чытаць) (?:таксама|яшчэ|далей)|(?:навіны |матэрыялы )?па тэме|(?:падобныя|іншыя|яшчэ|апошнія|галоўныя|свежыя|папулярныя) "
        r"(?:навіны|матэрыялы|артыкулы)|стужка(?: навін)?|галоўнае|папулярнае|самае (?:чытанае|папулярнае)|рэкамендуем(?: .*)?|каментар(?:ыі|ы)|тэгі|"
        r"падзяліцца(?: .*)?|рэклама|выбар рэдакцыі|не прапусціце|падпіска"
    ),
)
_STARTS = (
    (
        r"subscribe(?: to|!|$)|sign up (?:for|to) (?:our|the|a)|follow us|join (?:our|us on)|(?:read|see) (?:also|more|next)\b|also read\b|related:|share (?:this|on|via)|"
        r"photos?:|image:|picture:|copyright(?:$|:| (?:©|\(c\)|by\b|\d))|©|\(c\)|all rights reserved|(?:we|this (?:site|website|page)) uses? cookies|by (?:continuing|using) (?:to|this|our)|"
        r"accept (?:all )?cookies|advertisement(?:$|:)|leave a (?:comment|reply)|comments?(?::| \()|tags?:|click here|download our|get (?:our|the) (?:app|latest)|"
        r"if you (?:have )?(?:found|find|notice|spot)|reproduction (?:of (?:the |this )?(?:materials?|content|text)|in whole|is )|more (?:on|about) (?:this|the) (?:topic|story|subject)|source:|don['’]t miss|never miss"
    ),
    (
        r"подпи(?:сывайтесь|шитесь|саться|шись)|присоединяйтесь|(?:читайте|смотрите|слушайте) (?:нас|также|ещ[её]|далее|по теме|подробнее|больше)|следите за (?:нами|наш|новост)|"
        r"(?:материалы |новости )?по теме:|теги:|метки:|фото(?:графия)?(?::| из| предоставлено)|источник(?: фото)?:|поделиться|мы используем (?:cookie|куки|файлы)|этот сайт использует|"
        r"(?:нашли|заметили|увидели) (?:опечатку|ошибку)|если вы (?:нашли|заметили)|перепечатка|все права защищены|при (?:использовании|цитировании|перепечатке)|"
        r"реклама(?:$|:|\.)|комментарии(?:$|:| \()|оставьте комментарий|хотите (?:быть в курсе|знать больше|получать)|ставьте лайк|скачайте"
    ),
    (
        r"падпі(?:свайцеся|шыцеся|сацца|шыся)|далучайцеся|(?:чытайце|глядзіце|слухайце) (?:нас|таксама|яшчэ|далей|па тэме|больш)|сачыце за (?:намі|наш|навін)|"
        r"(?:матэрыялы |навіны )?па тэме:|тэгі:|фота(?::| з)|крыніца(?: фота)?:|падзяліцца|мы выкарыстоўваем|гэты сайт выкарыстоўвае|"
        r"(?:знайшлі|заўважылі) (?:памылку|абдрукоўку)|калі вы (?:знайшлі|заўважылі)|перадрук|усе правы абаронены|пры (?:выкарыстанні|цытаванні|перадруку)|"
        r"рэклама(?:$|:|\.)|каментар(?:ыі|ы)(?:$|:| \()|пакіньце каментар|хочаце (?:быць у курсе|ведаць больш)"
    ),
)
_OURS = (
    r"\b(?:our|наш\w*) (?:(?:[\w-]+ ){0,3}(?:telegram|whatsapp|viber|youtube|instagram|facebook|twitter|tiktok|newsletters?|телеграм\S*|тэлеграм\S*|"
    r"рассылк\w*)|channel\b|канал\w*)"
)
_LABEL = re.compile("|".join(_LABELS))
_START = re.compile("|".join(_STARTS))
_OUR = re.compile(_OURS)
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?!\d)(?!.*[.!?…]$)")
_CRUMB = re.compile(r"[›»>→]|(?<=\s)[|/](?=\s)")
_SENTENCE = re.compile(r"[.!?«]")
_EDGE = re.compile(r"^[\W_]+|[\W_]*(?:\(?\d+\)?)?[\W_]*$")


def _is_crumbs(text: str) -> bool:
    """Whether it is a way through sections: short names with signs between them, and no sentence."""
    *names, last = _CRUMB.split(text)
    return (
        len(names) >= 2
        and all(1 <= len(name) <= 42 for name in names)
        and len(last) <= 120
        and not _SENTENCE.search(text)
    )


def is_label(text: str) -> bool:
    """Whether a short text is the heading of others' news, of comments or the like."""
    return len(text) <= 60 and _LABEL.fullmatch(_EDGE.sub("", text.casefold())) is not None


def is_call(line: str) -> bool:
    """Whether a line of text speaks of the page or its publisher instead of the news; ticker lines and crumbs too."""
    if len(line) > LONGEST:
        return False
    text = line.casefold().lstrip(' \t-–—•·*|>→▶►👉📲✅🔔❗‼️«"“')
    return bool(is_label(text) or _START.match(text) or _OUR.search(text) or _CLOCK.match(text) or _is_crumbs(text))
