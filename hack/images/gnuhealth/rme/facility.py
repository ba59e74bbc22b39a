"""The Puskesmas as GNU Health knows it: a company, which gives the time zone, and a health institution."""
from decimal import Decimal


def describe(settings, admin):
    """Create or correct the facility's own records and let admin work for it."""
    if not settings.facility_name:
        return
    from trytond.pool import Pool

    pool = Pool()
    Company = pool.get('company.company')
    companies = Company.search([], order=[('id', 'ASC')], limit=1)
    company = companies[0] if companies else Company(party=_party(pool), currency=_rupiah(pool))
    party = company.party
    if party.name != settings.facility_name:
        party.name = settings.facility_name
    party.is_institution = True
    party.save()
    company.timezone = settings.time_zone
    company.save()
    _institution(pool, party, settings)
    if company not in admin.companies:
        admin.companies = [*admin.companies, company]
        admin.company = company
        admin.save()


def _party(pool):
    return pool.get('party.party')(name='', is_institution=True)


def _rupiah(pool):
    Currency = pool.get('currency.currency')
    found = Currency.search([('code', '=', 'IDR')])
    if found:
        return found[0]
    currency = Currency(
        name='Rupiah', symbol='Rp', code='IDR', numeric_code='360', digits=2, rounding=Decimal('0.01'))
    currency.save()
    return currency


def _institution(pool, party, settings):
    Institution = pool.get('gnuhealth.institution')
    found = Institution.search([('party', '=', party.id)])
    institution = found[0] if found else Institution(
        party=party, institution_type='primary_care', public_level='public')
    institution.code = settings.facility_code
    institution.save()
