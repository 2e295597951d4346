//! The demo library of daily insights, in English and in German.

use workflows::insights::sign::Sign::{self, *};

/// A text in both languages.
pub(super) struct Text {
    /// For whom; for everybody when absent.
    pub sign: Option<Sign>,
    /// Title and text in English.
    pub english: (&'static str, &'static str),
    /// Title and text in German.
    pub german: (&'static str, &'static str),
}

const fn text(sign: Option<Sign>, english: (&'static str, &'static str), german: (&'static str, &'static str)) -> Text {
    Text { sign, english, german }
}

/// The library.
pub(super) const LIBRARY: &[Text] = &[
    text(
        Some(Aries),
        (
            "First step",
            "You like to begin. Today, finish one small thing before you start the next.",
        ),
        (
            "Der erste Schritt",
            "Anfangen liegt Ihnen. Bringen Sie heute eine Kleinigkeit zu Ende, ehe Sie die nächste beginnen.",
        ),
    ),
    text(
        Some(Aries),
        (
            "Spark",
            "Your pace is a gift to others when you tell them where you are going.",
        ),
        ("Funke", "Ihr Tempo hilft anderen, wenn Sie sagen, wohin es geht."),
    ),
    text(
        Some(Taurus),
        (
            "Steady ground",
            "What you tend a little each day grows without hurry. Water one plan today.",
        ),
        (
            "Fester Boden",
            "Was Sie täglich ein wenig pflegen, wächst ohne Eile. Gießen Sie heute einen Plan.",
        ),
    ),
    text(
        Some(Taurus),
        (
            "Room to move",
            "Comfort is good company and a poor boss. Try one thing in another order.",
        ),
        (
            "Spielraum",
            "Bequemlichkeit ist eine gute Freundin und eine schlechte Chefin. Tun Sie eine Sache in anderer Reihenfolge.",
        ),
    ),
    text(
        Some(Gemini),
        (
            "Two voices",
            "When both sides in you have a point, let them write it down and sleep on it.",
        ),
        (
            "Zwei Stimmen",
            "Wenn beide Seiten in Ihnen recht haben, lassen Sie sie es aufschreiben und schlafen Sie darüber.",
        ),
    ),
    text(
        Some(Gemini),
        (
            "One question",
            "Ask one question more than you answer, and see where the talk goes.",
        ),
        (
            "Eine Frage",
            "Stellen Sie eine Frage mehr, als Sie beantworten, und sehen Sie, wohin das Gespräch führt.",
        ),
    ),
    text(
        Some(Cancer),
        (
            "Open door",
            "You look after many. Let somebody bring you a cup of tea today.",
        ),
        (
            "Offene Tür",
            "Sie sorgen für viele. Lassen Sie sich heute eine Tasse Tee bringen.",
        ),
    ),
    text(
        Some(Cancer),
        (
            "Tide",
            "A mood is weather and no climate. Wait for the next tide before you decide.",
        ),
        (
            "Gezeiten",
            "Eine Stimmung ist Wetter und kein Klima. Warten Sie die nächste Flut ab, bevor Sie entscheiden.",
        ),
    ),
    text(
        Some(Leo),
        (
            "Warm light",
            "Praise somebody today for what nobody else has seen. It shines back.",
        ),
        (
            "Warmes Licht",
            "Loben Sie heute jemanden für etwas, das sonst niemand gesehen hat. Es strahlt zurück.",
        ),
    ),
    text(
        Some(Leo),
        (
            "Backstage",
            "Even a good play needs somebody to move the chairs. Be that for an hour.",
        ),
        (
            "Hinter der Bühne",
            "Auch ein gutes Stück braucht jemanden, der die Stühle rückt. Seien Sie das für eine Stunde.",
        ),
    ),
    text(
        Some(Virgo),
        (
            "Good enough",
            "Leave one thing imperfect today, on purpose, and notice that it holds.",
        ),
        (
            "Gut genug",
            "Lassen Sie heute eine Sache mit Absicht unvollkommen und merken Sie, dass sie hält.",
        ),
    ),
    text(
        Some(Virgo),
        (
            "Short list",
            "Cross out the third item of your list. Nobody will miss it, you least of all.",
        ),
        (
            "Kurze Liste",
            "Streichen Sie den dritten Punkt Ihrer Liste. Niemand wird ihn vermissen, Sie am wenigsten.",
        ),
    ),
    text(
        Some(Libra),
        (
            "Your weight",
            "You see every side. Today put your own weight on one of them.",
        ),
        (
            "Ihr Gewicht",
            "Sie sehen jede Seite. Legen Sie heute Ihr eigenes Gewicht auf eine davon.",
        ),
    ),
    text(
        Some(Libra),
        (
            "Small peace",
            "A friendly no in the morning saves an unfriendly yes at night.",
        ),
        (
            "Kleiner Frieden",
            "Ein freundliches Nein am Morgen erspart ein unfreundliches Ja am Abend.",
        ),
    ),
    text(
        Some(Scorpio),
        (
            "Below the surface",
            "You notice what is not said. Say one such thing, kindly.",
        ),
        (
            "Unter der Oberfläche",
            "Sie merken, was nicht gesagt wird. Sprechen Sie eine solche Sache freundlich aus.",
        ),
    ),
    text(
        Some(Scorpio),
        (
            "Loose grip",
            "Some knots open when you stop pulling. Put one down for a day.",
        ),
        (
            "Lockerer Griff",
            "Manche Knoten gehen auf, wenn man nicht mehr zieht. Legen Sie einen für einen Tag weg.",
        ),
    ),
    text(
        Some(Sagittarius),
        (
            "Near and far",
            "The next adventure may be one street away. Take another way home.",
        ),
        (
            "Nah und fern",
            "Das nächste Abenteuer ist vielleicht eine Straße weiter. Gehen Sie anders nach Hause.",
        ),
    ),
    text(
        Some(Sagittarius),
        (
            "Aim",
            "An arrow needs a target and a calm breath. Choose the target, then breathe.",
        ),
        (
            "Zielen",
            "Ein Pfeil braucht ein Ziel und einen ruhigen Atemzug. Wählen Sie das Ziel, dann atmen Sie.",
        ),
    ),
    text(
        Some(Capricorn),
        (
            "Look back",
            "From where you stand you can see how far you have climbed. Take the time.",
        ),
        (
            "Blick zurück",
            "Von hier sehen Sie, wie weit Sie gestiegen sind. Nehmen Sie sich die Zeit.",
        ),
    ),
    text(
        Some(Capricorn),
        (
            "Off duty",
            "Play is no reward for work. It is what makes work light. Play a little first.",
        ),
        (
            "Feierabend",
            "Spiel ist kein Lohn der Arbeit, es macht sie leicht. Spielen Sie ein wenig zuerst.",
        ),
    ),
    text(
        Some(Aquarius),
        (
            "Odd idea",
            "The thought you were about to dismiss deserves ten minutes and a pencil.",
        ),
        (
            "Seltsamer Einfall",
            "Der Gedanke, den Sie gerade verwerfen wollten, verdient zehn Minuten und einen Bleistift.",
        ),
    ),
    text(
        Some(Aquarius),
        ("Close up", "You care for the many. Ring up one of them today."),
        (
            "Aus der Nähe",
            "Ihnen liegen die Vielen am Herzen. Rufen Sie heute einen davon an.",
        ),
    ),
    text(
        Some(Pisces),
        (
            "Shoreline",
            "Your sympathy has no edges. Draw one, and rest behind it until noon.",
        ),
        (
            "Uferlinie",
            "Ihr Mitgefühl hat keine Ränder. Ziehen Sie einen und ruhen Sie bis zum Mittag dahinter.",
        ),
    ),
    text(
        Some(Pisces),
        (
            "Dream, note",
            "Write down this morning's dream in three words. One of them is useful.",
        ),
        (
            "Traum, Notiz",
            "Schreiben Sie den Traum von heute Nacht in drei Wörtern auf. Eines davon ist nützlich.",
        ),
    ),
    text(
        None,
        (
            "Breathe",
            "Before you answer, breathe out once. Most answers get better by it.",
        ),
        (
            "Atmen",
            "Atmen Sie einmal aus, bevor Sie antworten. Die meisten Antworten werden davon besser.",
        ),
    ),
    text(
        None,
        (
            "Ten minutes",
            "Give ten minutes to what you have put off longest. Then you may stop.",
        ),
        (
            "Zehn Minuten",
            "Geben Sie dem, was Sie am längsten aufschieben, zehn Minuten. Dann dürfen Sie aufhören.",
        ),
    ),
    text(
        None,
        ("Thanks", "Thank somebody today for something that has become ordinary."),
        (
            "Danke",
            "Danken Sie heute jemandem für etwas, das selbstverständlich geworden ist.",
        ),
    ),
    text(
        None,
        (
            "Window",
            "Look out of the window for as long as you usually look at your phone.",
        ),
        (
            "Fenster",
            "Sehen Sie so lange aus dem Fenster wie sonst auf Ihr Telefon.",
        ),
    ),
    text(
        None,
        ("Slowly", "Do one everyday thing at half speed and watch what changes."),
        (
            "Langsam",
            "Tun Sie eine alltägliche Sache halb so schnell und beobachten Sie, was sich ändert.",
        ),
    ),
    text(
        None,
        (
            "One at a time",
            "Two things at once are mostly two things not done. Choose one.",
        ),
        (
            "Eins nach dem anderen",
            "Zwei Dinge zugleich sind meist zwei Dinge nicht getan. Wählen Sie eines.",
        ),
    ),
    text(
        None,
        (
            "Old friend",
            "Somebody you have not heard of for a year would be glad to hear of you.",
        ),
        (
            "Alte Freunde",
            "Jemand, von dem Sie ein Jahr nichts gehört haben, freut sich, von Ihnen zu hören.",
        ),
    ),
    text(
        None,
        (
            "Sleep",
            "The best decision of the evening may be the one you leave to the morning.",
        ),
        (
            "Schlaf",
            "Die beste Entscheidung des Abends ist vielleicht die, die Sie dem Morgen überlassen.",
        ),
    ),
    text(
        None,
        (
            "A walk",
            "Carry the question once around the block. It comes home smaller.",
        ),
        (
            "Ein Gang",
            "Tragen Sie die Frage einmal um den Block. Sie kommt kleiner nach Hause.",
        ),
    ),
    text(
        None,
        ("Enough", "Name three things of which you have enough. Begin there."),
        (
            "Genug",
            "Nennen Sie drei Dinge, von denen Sie genug haben. Fangen Sie dort an.",
        ),
    ),
];
