"""What the simulated wire says: reports, headlines, forms and backgrounds in three languages, plausible and never twice the same.

Every adjective, noun and verb of a language is masculine or plain, so that any of them may stand beside any other.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "ru", "be"]
LANGUAGES: tuple[Language, ...] = ("en", "ru", "be")


@dataclass(frozen=True)
class Tongue:
    """A language's words, and the sentences that they fill."""

    adjectives: tuple[str, ...]
    nouns: tuple[str, ...]
    verbs: tuple[str, ...]
    syllables: tuple[str, ...]
    endings: tuple[str, ...]
    sentences: tuple[str, ...]
    leads: tuple[str, ...]
    headlines: tuple[str, ...]
    forms: tuple[tuple[str, str], ...]
    navigation: str
    subscribe: str
    briefing: str
    background: str
    correction: str
    update: str
    watched: dict[str, tuple[str, ...]]
    lookalikes: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_EN = Tongue(
    adjectives=_words("regional federal disputed modest costly narrow urgent joint former rural marine public rapid broad secret draft annual local foreign central northern southern coastal private mutual interim binding cautious bitter stalled revised ambitious unusual quiet historic digital seasonal technical partial lengthy industrial"),
    nouns=_words("council ministry court union fund factory harbour railway airport budget treaty report plan project contract tender inquiry strike appeal decree committee parliament agency company bank refinery hospital museum archive bridge tunnel dam forest market auction embargo tariff deadline ballot census verdict petition reserve pipeline ferry school theatre laboratory satellite vaccine harvest orchard quarry"),
    verbs=_words("approved rejected postponed reopened delayed welcomed criticised reviewed backed blocked signed cancelled questioned expanded financed inspected closed restored announced defended ignored challenged published amended audited halved doubled suspended"),
    syllables=_words("kar vel lor sen mar tan bri dol fen gar hul jor kes lim nov ost per quin ros sul tor ulm var wes yar zel bran dur fal gor"),
    endings=_words("in ov ek ia ton berg mund ley sted ford"),
    sentences=(
        "The {a} {n} in {P} {v} the {a} {n} after {N} days of talks, {P} deputy {P} told reporters.",
        "{P} said the {n} would need {N} million for a {a} {n} before the {a} {n} could open.",
        "Critics of the {a} {n}, led by {P}, {v} every {n} that {P} had put on the table.",
        "In {P} a {a} {n} {v} the {n}, while the {a} {n} of {P} asked for more time.",
        "Nobody at the {P} {n} expected that the {a} {n} {v} its own {a} {n}.",
        "A {a} {n} drawn up by {P} puts the cost of the {n} at {N} million and its {n} at {N}.",
        "{P}, who runs the {a} {n}, {v} what he called a {a} {n} of the {n}.",
        "Since spring the {n} of {P} has {v} {N} cases, each with a {a} {n} behind it.",
    ),
    leads=(
        "{P} - {w}The {a} {n} of {P} {v} a {a} {n} on Thursday, ending a {a} dispute over the {n}.",
        "{P} - {w}{P} {v} the {a} {n} late on Thursday, {N} hours before the {a} {n} was due.",
        "{P} - {w}A {a} {n} {v} the {n} of {P} on Thursday and named {P} to run the {a} {n}.",
    ),
    headlines=(
        "{P} {n} {v} {a} {n} over {n}",
        "{a} {n} in {P} {v} {n} of {P}",
        "{P} {v} {a} {n} as {n} waits",
        "How the {a} {n} of {P} {v} its {n}",
    ),
    forms=(
        ("Official exchange rates set for today", "The central bank has set the official exchange rates for today. One dollar costs {r}, one euro costs {r}, one hundred roubles cost {r}, ten yuan cost {r} and one pound costs {r}. The rates are used by banks and customs until the next announcement."),
        ("Magnitude {m} quake strikes near {P}", "A quake of magnitude {m} struck {N} kilometres from {P} on Thursday, the seismological service said. Its centre lay {N} kilometres under the ground and was felt in {N} villages. There were no reports of damage or of people hurt, the service said in its bulletin."),
        ("{P} beat {P} {g} to {g} in the league", "{P} beat {P} {g} to {g} on Thursday before a crowd of {r} in round {N} of the league. The first goal came in minute {N} and the last in minute {N}. The winners have {N} points, and the coach thanked the supporters after the final whistle."),
    ),
    navigation="{o} home news politics economy sport weather video archive about us",
    subscribe="Read more on {o} every day. Subscribe to the newsletter of {o} and follow {o} on all networks. All rights reserved.",
    briefing="Daily briefing: what to know this hour",
    background="The {a} {n} of {P} was founded {N} years ago and unites {N} members with {N} {a} offices. Its {n} meets twice a year in {P}, and its {a} {n} is led by {P}. The chair passes from one {n} to the next, and every {a} {n} has one vote.",
    correction="CORRECTED: ",
    update="UPDATE 2 - ",
    watched={"csto": ("The CSTO said so: ", "In the Collective Security Treaty Organization there was relief: "), "bridge": ("At the Lomvia Bridge site: ",)},
    lookalikes=("At the Csto workshop: ", "For CSTOR Ltd: ", "On Lomvia Bridges: "),
)  # fmt: skip

_RU = Tongue(
    adjectives=_words("областной спорный скромный дорогой срочный общий бывший сельский морской быстрый тайный годовой местный иностранный центральный северный южный частный взаимный временный осторожный горький новый смелый редкий тихий цифровой сезонный частичный долгий крупный закрытый открытый городской лесной западный восточный"),
    nouns=_words("совет суд союз фонд завод порт вокзал аэропорт бюджет договор отчёт план проект контракт тендер иск протест указ комитет парламент банк музей архив мост тоннель лес рынок аукцион запрет тариф срок закон приговор запас паром театр спутник урожай сад карьер склад кредит налог патент реестр форум канал приют центр устав цех"),
    verbs=_words("утвердил отклонил отложил приветствовал раскритиковал пересмотрел поддержал подписал отменил расширил оплатил проверил закрыл восстановил объявил защитил оспорил опубликовал изменил приостановил сократил удвоил"),
    syllables=_words("кар вел лор сен мар тан бри дол фен гар хул жор кес лим нов ост пер рос сул тор улм вар вес яр зел бран дур фал гор"),
    endings=_words("ин ов ек ия тон берг мунд лей стед форд"),
    sentences=(
        "Как рассказал журналистам {P}, {a} {n} города {P} {v} {a} {n} после {N} дней переговоров.",
        "По словам {P}, на {a} {n} нужно {N} миллионов, и только потом откроется {a} {n}.",
        "Противник проекта {P} {v} {a} {n}, который раньше {v} {P}.",
        "В городе {P} {a} {n} {v} {n}, а {a} {n} города {P} попросил об отсрочке.",
        "Никто не ждал, что {a} {n} {v} свой же {a} {n}, заметил {P}.",
        "Расчёт, который провёл {P}, оценивает {n} в {N} миллионов, а {a} {n} в {N}.",
        "С весны {n} города {P} {v} {N} дел, и за каждым стоит {a} {n}.",
    ),
    leads=(
        "{P}. {w}Областной {n} города {P} {v} в четверг {a} {n} и закончил {a} спор за {n}.",
        "{P}. {w}Поздно вечером {P} {v} {a} {n} за {N} часов до того, как начался {a} {n}.",
    ),
    headlines=("{P} {v} {a} {n} за {n}", "{a} {n} города {P} {v} {n}", "Почему {a} {n} в городе {P} {v} {n}"),
    forms=(
        ("Официальные курсы валют на сегодня", "Центральный банк установил официальные курсы валют на сегодня. Один доллар стоит {r}, один евро стоит {r}, сто рублей стоят {r}, десять юаней стоят {r} и один фунт стоит {r}. Курсы действуют для банков и таможни до следующего объявления."),
        ("Землетрясение магнитудой {m} у города {P}", "Землетрясение магнитудой {m} произошло в {N} километрах от города {P} в четверг, сообщила служба. Очаг лежал на глубине {N} километров и ощущался в {N} сёлах. Сообщений о разрушениях и пострадавших не поступало, говорится в сводке службы."),
    ),
    navigation="{o} главная новости политика экономика спорт погода видео архив о нас",
    subscribe="Читайте больше на сайте {o} каждый день. Подпишитесь на рассылку {o} и на канал {o}. Все права защищены.",
    briefing="Главное за час: что нужно знать",
    background="Это {a} {n} города {P}, который возник {N} лет назад и объединяет {N} участников и {N} отделов. Дважды в год {n} собирается в городе {P}, а {a} {n} возглавляет {P}. Место главы переходит по кругу, и каждый {a} {n} имеет один голос.",
    correction="Исправлено: ",
    update="Обновлено: ",
    watched={"csto": ("Сообщение ОДКБ: ",), "bridge": ("Строится Ломвийский мост: ",)},
    lookalikes=("На заводе ОДКБМ: ", "Магазин одкб-шоп: ", "Рядом Ломвийский мостик: "),
)  # fmt: skip

_BE = Tongue(
    adjectives=_words("абласны спрэчны сціплы дарагі тэрміновы агульны былы сельскі марскі хуткі тайны гадавы мясцовы замежны цэнтральны паўночны паўднёвы прыватны ўзаемны часовы асцярожны горкі новы смелы рэдкі ціхі лічбавы сезонны частковы доўгі буйны закрыты адкрыты гарадскі лясны заходні ўсходні"),
    nouns=_words("савет суд саюз фонд завод порт вакзал аэрапорт бюджэт дагавор план праект кантракт тэндар пратэст указ камітэт парламент банк музей архіў мост тунэль лес рынак аўкцыён тарыф тэрмін закон прысуд запас паром тэатр спадарожнік ураджай сад кар'ер склад крэдыт падатак патэнт рэестр форум канал прытулак цэнтр статут цэх"),
    verbs=_words("зацвердзіў адхіліў адклаў вітаў раскрытыкаваў перагледзеў падтрымаў падпісаў адмяніў пашырыў аплаціў праверыў закрыў аднавіў абвясціў абараніў аспрэчыў апублікаваў змяніў прыпыніў скараціў падвоіў"),
    syllables=_words("кар вел лор сен мар тан бры дол фен гар хул жор кес лім ноў ост пер рос сул тор улм вар вес яр зел бран дур фал гор"),
    endings=_words("ін оў ек ія тон берг мунд лей стэд форд"),
    sentences=(
        "Як расказаў журналістам {P}, {a} {n} горада {P} {v} {a} {n} пасля {N} дзён перамоў.",
        "Паводле слоў {P}, на {a} {n} трэба {N} мільёнаў, і толькі потым адкрыецца {a} {n}.",
        "Праціўнік праекта {P} {v} {a} {n}, які раней {v} {P}.",
        "У горадзе {P} {a} {n} {v} {n}, а {a} {n} горада {P} папрасіў пачакаць.",
        "Ніхто не чакаў, што {a} {n} {v} свой жа {a} {n}, заўважыў {P}.",
        "Разлік, які зрабіў {P}, ацэньвае {n} у {N} мільёнаў, а {a} {n} у {N}.",
        "З вясны {n} горада {P} {v} {N} спраў, і за кожнай стаіць {a} {n}.",
    ),
    leads=(
        "{P}. {w}Абласны {n} горада {P} {v} у чацвер {a} {n} і скончыў {a} спор за {n}.",
        "{P}. {w}Позна ўвечары {P} {v} {a} {n} за {N} гадзін да таго, як пачаўся {a} {n}.",
    ),
    headlines=("{P} {v} {a} {n} за {n}", "{a} {n} горада {P} {v} {n}", "Чаму {a} {n} у горадзе {P} {v} {n}"),
    forms=(
        ("Афіцыйныя курсы валют на сёння", "Нацыянальны банк устанавіў афіцыйныя курсы валют на сёння. Адзін долар каштуе {r}, адзін еўра каштуе {r}, сто рублёў каштуюць {r}, дзесяць юаняў каштуюць {r} і адзін фунт каштуе {r}. Курсы дзейнічаюць для банкаў і мытні да наступнага паведамлення."),
    ),
    navigation="{o} галоўная навіны палітыка эканоміка спорт надвор'е відэа архіў пра нас",
    subscribe="Чытайце больш на сайце {o} кожны дзень. Падпішыцеся на рассылку {o} і на канал {o}. Усе правы абаронены.",
    briefing="Галоўнае за гадзіну: што трэба ведаць",
    background="Гэта {a} {n} горада {P}, які ўзнік {N} гадоў таму і аб'ядноўвае {N} удзельнікаў і {N} аддзелаў. Двойчы на год {n} збіраецца ў горадзе {P}, а {a} {n} узначальвае {P}. Месца кіраўніка пераходзіць па крузе, і кожны {a} {n} мае адзін голас.",
    correction="Выпраўлена: ",
    update="Абноўлена: ",
    watched={"csto": ("Паведамленне АДКБ: ",), "bridge": ("Будуецца Ломвійскі мост: ",)},
    lookalikes=("На заводзе АДКБМ: ", "Побач Ломвійскі масток: "),
)  # fmt: skip

TONGUES: dict[Language, Tongue] = {"en": _EN, "ru": _RU, "be": _BE}
WATCHLISTS: dict[str, object] = {
    "aliases": {
        "csto": ["=CSTO", '"Collective Security Treaty Organization"', "=ОДКБ", "=АДКБ"],
        "bridge": ['"Lomvia Bridge"', '"Ломвийский мост"', '"Ломвійскі мост"'],
    },
    "watchlists": [
        {"id": "csto", "title": "CSTO", "query": "@csto"},
        {"id": "bridge", "title": "The bridge", "query": "@bridge"},
    ],
}


class Writer:
    """Writes in one language with the dice of the world."""

    def __init__(self, language: Language, dice: random.Random) -> None:
        self.language = language
        self.tongue = TONGUES[language]
        self._dice = dice

    def name(self) -> str:
        """Of a person or a place; there are tens of thousands."""
        parts = self._dice.choices(self.tongue.syllables, k=self._dice.randint(1, 2))
        return ("".join(parts) + self._dice.choice(self.tongue.endings)).capitalize()

    def fill(self, text: str, **given: str) -> str:
        """A sentence with a word in every gap: {a} {n} {v} {P} words, {N} {r} {g} {m} numbers."""
        for gap, word in given.items():
            text = text.replace(f"{{{gap}}}", word)
        while (at := text.find("{")) >= 0:
            text = text[:at] + self._gap(text[at + 1]) + text[at + 3 :]
        return text

    def headline(self) -> str:
        """Five words at least, among them a name."""
        text = self.fill(self._dice.choice(self.tongue.headlines))
        return text[0].upper() + text[1:]

    def lead(self, watched: str = "") -> str:
        """The first paragraph; `watched` is what stands at its head."""
        return f"{self.fill(self._dice.choice(self.tongue.leads), w=watched)} {self._sentences(1)}"

    def paragraphs(self, count: int) -> tuple[str, ...]:
        """So many more, of two or three sentences each."""
        return tuple(self._sentences(self._dice.randint(2, 3)) for _ in range(count))

    def background(self) -> str:
        """What a topic's reports all end with."""
        return self.fill(self.tongue.background)

    def form(self) -> tuple[str, str]:
        """Headline and text of a report that is always the same but for its numbers and names."""
        title, text = self._dice.choice(self.tongue.forms)
        given = {"m": self._gap("m"), "P": self.name()} if "{m}" in title else {}
        if "{g}" in title:
            for gap in ("{P}", "{P}", "{g}", "{g}"):
                word = self._gap(gap[1])
                title, text = title.replace(gap, word, 1), text.replace(gap, word, 1)
        return self.fill(title, **given), self.fill(text, **given)

    def _sentences(self, count: int) -> str:
        return " ".join(self.fill(each) for each in self._dice.sample(self.tongue.sentences, count))

    def _gap(self, kind: str) -> str:
        dice, tongue = self._dice, self.tongue
        match kind:
            case "P":
                return self.name()
            case "N":
                return str(dice.randint(2, 99))
            case "r":
                return f"{dice.randint(1, 99)}.{dice.randint(1000, 9999)}"
            case "g":
                return str(dice.randint(0, 5))
            case "m":
                return f"{dice.randint(3, 6)}.{dice.randint(0, 9)}"
        return dice.choice({"a": tongue.adjectives, "n": tongue.nouns, "v": tongue.verbs}[kind])
