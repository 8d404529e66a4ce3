"""Little words by the part they play in a question."""

from __future__ import annotations


def _of(line: str) -> frozenset[str]:
    """Return the words of a line."""
    return frozenset(line.split())


WH = _of("what which who whom whose why how when where whats hows whos wheres")
ASKING = WH | _of("what's how's who's where's why's when's")
AUXILIARIES = _of(
    "did does do is are was were can could would will should has have had may might must am been be isn't "
    "aren't didn't doesn't won't wasn't can't couldn't haven't hasn't"
)
PRONOUNS = _of(
    "it its that this those these them they their theirs same such former latter result results finding "
    "findings ones one answer output above there both either former latter"
)
PREPOSITIONS = _of(
    "by in for of with across per from on at to over within among between during into about versus vs than "
    "through against without"
)
DETERMINERS = _of("the a an any each every all some our my your their no more most fewer less many much")
CONNECTORS = _of(
    "and then but or plus also so next finally lastly additionally secondly thirdly besides afterwards too separately please kindly"
)
SUBORDINATORS = _of(
    "if before after once when unless otherwise while whereas given assuming because since using until "
    "provided else whether suppose supposing depending without prior based whenever"
)
RELATIVE = _of("that whose whichever whoever following")
PICKING = _of("for in of among on to at within with across")
PICKED = _of(
    "those these whichever whoever everybody everyone anyone whatever people patients accounts doctors physicians hcps"
)
SUBJECTS = _of("we i you us me let lets")
THING = _of("it its this that these those them they their such same")
FINDING = _of(
    "effect effects impact result results finding findings answer estimate estimates output number numbers "
    "drop lift uplift gap drift"
)
RANKED = _of("top bottom best worst highest lowest strongest weakest biggest largest low high least most first leading")
SUBSET = _of(
    "responders responder segments segment group groups territories territory ones those hcps doctors patients "
    "accounts cohort population subgroup subgroups regions specialties underperformers laggards"
)
THEN = _of("then next finally afterwards after once based using use accordingly therefore so")
REPORTING = _of("know see check wonder wondering ask learn sure me out whether determine confirm tell unclear verify")
IF = _of("if unless otherwise provided assuming suppose supposing only case else whenever depending long")
CONDITIONS = _of("if unless provided assuming suppose supposing whenever")
SEQUENCE = _of("then next finally afterwards after lastly")
HANGING = CONDITIONS | _of("after before once given having adjusting controlling because since while using although")
ORDER = _of("before after once until then next finally having now first afterwards")
ACTORS = _of("we i you us our reps")
BACK = _of("so yes no not it it's they they're that that's those this then")
LEADING = _of("for among within")
APART = _of("also separately independently meanwhile additionally besides plus unrelated secondly too")
TELLING = WH | PREPOSITIONS | _of("did does has is are will would should more most best than between same each if")
LITTLE = _of(
    "a all an and any are as at by do does for has have he her him how i id if in is it its me my no none not "
    "of on one or other our out so that the they this to true two unknown us was we what when who why will "
    "with yes you false month date year"
)
POINTERS = _of("it that this those these them they one ones same others")
CONTINUING = _of("and or but also same only just now then instead what how make")
MODIFYING = _of(
    "only just same now make restrict assume assuming instead excluding controlling use add drop without limit since split shorter again next"
)
ABBREVIATIONS = _of("vs dr eg ie approx no st mr ms etc")
EMPTY = (
    WH
    | AUXILIARIES
    | PRONOUNS
    | DETERMINERS
    | PREPOSITIONS
    | CONNECTORS
    | SUBJECTS
    | _of(
        "about if not do please again go try make better see look check tell give show thing things something anything "
        "everything good bad ok much many details info help need want like"
    )
)
MODALS = _of("would should could might")
WISHES = _of("know like wonder wondering curious understand hear want need love")
TOLD = _of(
    "is are was were has have had fell went rose saw lost grew sank came think thinks believe suspect blames says keeps"
)
LITTLE_ENGLISH = (WH | AUXILIARIES | PRONOUNS | DETERMINERS | PREPOSITIONS | CONNECTORS | SUBJECTS) - _of(
    "was die den an a i no"
)
