"""Lines that speak of the page itself are told from news that begin with the same words."""

from __future__ import annotations

import pytest

from aggregator.stories import calls


@pytest.mark.parametrize(
    "line",
    [
        "Subscribe to our Telegram channel and be the first to know",
        "Follow us on Facebook!",
        "Read also: Talks end in Minsk",
        "Sign up for our weekly newsletter.",
        "We use cookies to make this site work.",
        "Photo: BelTA",
        "© 2023 News Agency. All rights reserved.",
        "More stories in our Telegram channel",
        "👉 Подписывайтесь на наш канал в Telegram",
        "Читайте также: Саммит завершился",
        "Читайте нас в Дзене",
        "Ещё больше новостей в нашем канале",
        "Нашли опечатку? Выделите её и нажмите Ctrl+Enter",
        "При использовании материалов активная ссылка обязательна",
        "Фото из архива",
        "Падпісвайцеся на наш канал",
        "Чытайце таксама: Саміт скончыўся",
        "Заўважылі памылку? Вылучыце яе",
        "Home › News › Politics",
        "Главная / Новости / Политика",
        "12:40 Oil prices fall for the third week",
        "Comments (12)",
        "Tags: Minsk, summit",
    ],
)
def test_a_line_about_the_page_is_a_call(line: str) -> None:
    assert calls.is_call(line)


@pytest.mark.parametrize(
    "line",
    [
        "Subscribers of the operator lost their connection on Monday.",
        "Share prices fell by a tenth on Thursday.",
        "Photographers from nine countries showed their work in Minsk.",
        "Copyright law changes in the spring, the ministry said.",
        "Reproduction rates fell for the third year.",
        "Advertisement revenue of the newspapers grew again.",
        "Related laws were adopted on Friday.",
        "Comments of the minister were published in full.",
        "Подписали соглашение министры шести стран.",
        "Фотографии с места события опубликовала полиция.",
        "«Наша рабочая группа согласовала текст», — сказал министр.",
        "Газеты «Звезда» и «Труд» написали о планах совета",
        "Реклама лекарств будет запрещена с марта.",
        "Падпісалі пагадненне міністры шасці краін.",
        "At 12:40 the session was closed.",
        "12:40 The session was closed, and the delegates left.",
        "The rate was 2.5/3.1/4.0 in the last quarters",
        "Read " + "also what is long " * 20,
        "",
    ],
)
def test_news_that_begins_like_a_call_is_news(line: str) -> None:
    assert not calls.is_call(line)


@pytest.mark.parametrize(
    "text",
    ["Read also", "RELATED NEWS:", "Comments (2)", "Последние новости", "Ещё по теме", "Апошнія навіны", "Рэкамендуем"],
)
def test_headings_of_other_peoples_news_are_labels(text: str) -> None:
    assert calls.is_label(text)


@pytest.mark.parametrize(
    "text",
    ["", "2023", "The latest round of talks", "Related laws", "Главное управление юстиции", "Популярное средство"],
)
def test_headings_of_the_article_are_no_labels(text: str) -> None:
    assert not calls.is_label(text)


def test_a_line_made_of_separators_is_judged_at_once() -> None:
    # It took four times as long for each further separator.
    assert not calls.is_call("a > " * 60 + ".")
    assert calls.is_call("Home › Politics › Belarus")
